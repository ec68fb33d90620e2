package org.livegate.example

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import org.json.JSONObject
import org.opencv.core.Mat
import org.opencv.core.MatOfByte
import org.opencv.core.Rect2d
import org.opencv.core.Size
import org.opencv.imgproc.Imgproc
import org.opencv.objdetect.FaceDetectorYN

/**
 * Finds faces with YuNet, as the artifact's thresholds expect: another detector draws its boxes otherwise.
 *
 * [model] is face_detection_yunet_2023mar.onnx, [detection] the manifest's `preprocessing.detection`.
 */
class FaceFinder(model: ByteArray, detection: JSONObject) {
    private val longestSide = detection.getDouble("longest_side")
    private val stretches = detection.getJSONArray("stretches").let { list -> List(list.length(), list::getDouble) }
    private val yunet =
        FaceDetectorYN.create(
            "onnx",
            MatOfByte(*model),
            MatOfByte(),
            Size(320.0, 320.0),
            detection.getDouble("score").toFloat(),
            detection.getDouble("nms").toFloat(),
            5000,
        )

    /** The box of the largest face in an RGB picture, in its pixels; null when there is none. */
    fun largest(picture: Mat): Rect2d? {
        val scale = min(1.0, longestSide / max(picture.width(), picture.height()))
        return stretches.firstNotNullOfOrNull { stretch -> // YuNet misses faces that are squashed sideways
            val size = Size(round(picture.width() * scale * stretch), round(picture.height() * scale))
            detect(picture, size).maxByOrNull { max(it.width, it.height) }
        }
    }

    private fun detect(picture: Mat, size: Size): List<Rect2d> {
        if (min(size.width, size.height) < 16) return emptyList()
        val small = Mat()
        Imgproc.resize(picture, small, size, 0.0, 0.0, Imgproc.INTER_AREA)
        Imgproc.cvtColor(small, small, Imgproc.COLOR_RGB2BGR)
        val faces = Mat()
        yunet.inputSize = size
        yunet.detect(small, faces)
        val x = picture.width() / size.width
        val y = picture.height() / size.height
        val far = 4 * max(size.width, size.height) // in very narrow pictures there are boxes at infinity
        return List(faces.rows()) { row -> FloatArray(4).also { faces.get(row, 0, it) } }
            .filter { box -> box.all { abs(it) < far } && min(box[2], box[3]) >= 1 }
            .map { box -> Rect2d(box[0] * x, box[1] * y, box[2] * x, box[3] * y) }
    }
}
