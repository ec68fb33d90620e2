package org.livegate.example

import android.Manifest.permission.CAMERA
import android.os.Bundle
import android.view.ViewGroup.LayoutParams
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.FrameLayout
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts.RequestPermission
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.core.Preview
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import java.util.concurrent.Executors
import kotlin.system.measureNanoTime
import org.opencv.android.OpenCVLoader
import org.opencv.android.Utils
import org.opencv.core.Mat
import org.opencv.imgproc.Imgproc

/** Judges every frame of the front camera; a tap on the screen switches to the next configuration, from one frame to the next. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private val preview by lazy { PreviewView(this) }
    private val text by lazy { TextView(this) }
    private lateinit var liveness: Liveness

    @Volatile private var chosen = 0

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        check(OpenCVLoader.initLocal()) { "OpenCV cannot be loaded" }
        liveness = Liveness(assets)
        val layout = FrameLayout(this)
        layout.addView(preview)
        layout.addView(text, LayoutParams(MATCH_PARENT, WRAP_CONTENT))
        layout.setOnClickListener { chosen = (chosen + 1) % liveness.configurations.size }
        setContentView(layout)
        registerForActivityResult(RequestPermission()) { granted -> if (granted) start() else text.text = "no camera, no answer" }
            .launch(CAMERA)
    }

    private fun start() {
        val provider = ProcessCameraProvider.getInstance(this)
        provider.addListener(
            {
                val analysis =
                    ImageAnalysis.Builder()
                        .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST) // frames are dropped, never queued
                        .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
                        .setOutputImageRotationEnabled(true)
                        .build()
                analysis.setAnalyzer(worker) { frame -> frame.use(::judge) }
                val shown = Preview.Builder().build().apply { setSurfaceProvider(preview.surfaceProvider) }
                provider.get().bindToLifecycle(this, CameraSelector.DEFAULT_FRONT_CAMERA, shown, analysis)
            },
            ContextCompat.getMainExecutor(this),
        )
    }

    private fun judge(frame: ImageProxy) {
        val picture = Mat()
        Utils.bitmapToMat(frame.toBitmap(), picture)
        Imgproc.cvtColor(picture, picture, Imgproc.COLOR_RGBA2RGB)
        val configuration = liveness.configurations[chosen]
        val decision: Decision
        val nanoseconds = measureNanoTime { decision = liveness.check(picture, configuration) }
        val verdict =
            when {
                decision.score == null -> decision.reason
                decision.accepted -> "bona fide, %.3f".format(decision.score)
                else -> "attack, %.3f".format(decision.score)
            }
        runOnUiThread { text.text = "$configuration: $verdict, ${nanoseconds / 1_000_000} ms" }
    }

    override fun onDestroy() {
        super.onDestroy()
        worker.execute { liveness.close() } // after the last frame
        worker.shutdown()
    }
}
