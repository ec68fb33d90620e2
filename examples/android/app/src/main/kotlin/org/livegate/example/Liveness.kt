package org.livegate.example

import android.content.res.AssetManager
import java.io.FileInputStream
import java.nio.FloatBuffer
import java.nio.channels.FileChannel.MapMode.READ_ONLY
import kotlin.math.exp
import kotlin.math.max
import org.json.JSONObject
import org.opencv.core.Core
import org.opencv.core.CvType
import org.opencv.core.Mat
import org.opencv.core.MatOfDouble
import org.opencv.core.Rect
import org.opencv.core.Rect2d
import org.opencv.core.Size
import org.opencv.imgproc.Imgproc
import org.tensorflow.lite.Interpreter

/** What was found: a [score] from 0 to 1, higher = more bona fide, with the [threshold] from which a face is accepted, or why there is none. */
data class Decision(val score: Double?, val threshold: Double?, val reason: String = "") {
    val accepted = score != null && threshold != null && score >= threshold
}

/**
 * An artifact: manifest.json, model.tflite, and the detector. It is loaded once; each call runs any configuration. Calls must not overlap.
 *
 * Load OpenCV first: `OpenCVLoader.initLocal()`.
 */
class Liveness(assets: AssetManager) : AutoCloseable {
    private val manifest = JSONObject(assets.open("manifest.json").use { it.readBytes().decodeToString() })
    private val variant = manifest.at("variants", "litert")
    private val signatures = variant.at("entry", "names")
    private val preprocessing = manifest.at("preprocessing").also { requireKnown(manifest.getString("task"), it) }
    private val size = preprocessing.getInt("size")
    private val finder =
        FaceFinder(assets.open("face_detection_yunet_2023mar.onnx").use { it.readBytes() }, preprocessing.at("detection"))
    private val interpreter =
        assets.openFd("model.tflite").use { file ->
            val channel = FileInputStream(file.fileDescriptor).channel
            Interpreter(channel.map(READ_ONLY, file.startOffset, file.declaredLength), Interpreter.Options().setNumThreads(1))
        }

    /** The configurations that the file holds, such as HHH and LLL. */
    val configurations = signatures.keys().asSequence().toList()

    /** Judges the largest face of an RGB picture. */
    fun check(picture: Mat, configuration: String): Decision {
        val box = finder.largest(picture) ?: return Decision(null, null, "no face was found")
        val face = crop(picture, box)
        fault(box, face)?.let { return Decision(null, null, it) }
        val (bonaFide, attack) = logits(face, configuration)
        return Decision(1 / (1 + exp(attack.toDouble() - bonaFide)), threshold(configuration))
    }

    /** The file's own where those of the artifact do not fit its precision. */
    private fun threshold(configuration: String): Double {
        val own = variant.optJSONObject("thresholds")?.optJSONObject(configuration)
        return (own ?: manifest.at("configurations", configuration, "threshold")).getDouble("value")
    }

    /** The face as the network takes it, (size, size) RGB: area-averaged where it shrinks, bilinear where it grows. */
    private fun crop(picture: Mat, box: Rect2d): Mat {
        val margin = preprocessing.getDouble("margin")
        val (x, y, side) = Square.about(box.x, box.y, box.width, box.height, picture.width(), picture.height(), margin)
        return resized(picture.submat(Rect(x, y, side, side)), size)
    }

    /** (bona fide, attack) of a face: channels first, 0..255; normalisation is inside the model. */
    private fun logits(face: Mat, configuration: String): FloatArray {
        val bytes = ByteArray(3 * size * size).also { face.get(0, 0, it) }
        val area = size * size
        val image = FloatArray(bytes.size) { (bytes[it % area * 3 + it / area].toInt() and 0xff).toFloat() }
        val logits = FloatBuffer.allocate(2)
        interpreter.runSignature(
            mapOf("image" to FloatBuffer.wrap(image)), mapOf("logits" to logits), signatures.getString(configuration))
        return logits.array()
    }

    override fun close() = interpreter.close()
}

/** Stops where a model wants its faces otherwise than they are cut here: other pixels would give wrong scores without a sign of it. */
private fun requireKnown(task: String, preprocessing: JSONObject) {
    val shape = preprocessing.getString("shape")
    val interpolation = preprocessing.getString("interpolation")
    val widened = preprocessing.at("detection").getJSONArray("widened").let { list -> List(list.length(), list::getDouble) }
    require(task == "liveness" && shape == "square" && interpolation == "area" && widened.all { it == 1.0 }) {
        "this program needs task liveness, shape square, interpolation area, boxes not widened; got $task, $shape, $interpolation, $widened"
    }
}

/** Why a face is not judged; null when it is good enough. The limits are those of `livegate.capture`. */
private fun fault(box: Rect2d, face: Mat): String? {
    if (max(box.width, box.height) < 64) return "come closer"
    val luma = Mat()
    Imgproc.cvtColor(resized(face, 64), luma, Imgproc.COLOR_RGB2GRAY)
    if (Core.mean(luma).`val`[0] < 40) return "too dark"
    val edges = Mat()
    Imgproc.Laplacian(luma, edges, CvType.CV_32F)
    val deviation = MatOfDouble()
    Core.meanStdDev(edges, MatOfDouble(), deviation)
    val sharpness = deviation.toArray().single().let { it * it }
    return if (sharpness < 100) "too blurred" else null
}

private fun resized(picture: Mat, size: Int): Mat {
    val resized = Mat()
    val how = if (picture.width() >= size) Imgproc.INTER_AREA else Imgproc.INTER_LINEAR
    Imgproc.resize(picture, resized, Size(size.toDouble(), size.toDouble()), 0.0, 0.0, how)
    return resized
}

private fun JSONObject.at(vararg keys: String) = keys.fold(this, JSONObject::getJSONObject)
