package org.livegate.example

import kotlin.math.max
import kotlin.math.min
import kotlin.math.roundToInt

/** The square of a picture that the network sees: left, top and side, in whole pixels. */
data class Square(val x: Int, val y: Int, val side: Int) {
    companion object {
        /**
         * The square about a face box (x, y, w, h) in a picture of that width and height.
         *
         * Its side is the box's longer one times the margin, at most the picture's shorter one; it is centred on the box, then shifted to
         * stay inside. Halves round up, as [roundToInt] does.
         */
        fun about(x: Double, y: Double, w: Double, h: Double, width: Int, height: Int, margin: Double): Square {
            val side = max(1, minOf((margin * max(w, h)).roundToInt(), width, height))
            fun within(start: Double, end: Int) = min(max(start.roundToInt(), 0), end - side)
            return Square(within(x + w / 2 - side / 2.0, width), within(y + h / 2 - side / 2.0, height), side)
        }
    }
}
