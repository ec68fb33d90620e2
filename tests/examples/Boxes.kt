import org.livegate.example.Square

/** Answers a line `x y w h width height margin` with the square that the Android example cuts out: `x y side`. */
fun main() {
    generateSequence(::readLine).forEach { line ->
        val (x, y, w, h, width) = line.split(" ").map(String::toDouble)
        val (height, margin) = line.split(" ").drop(5).map(String::toDouble)
        val square = Square.about(x, y, w, h, width.toInt(), height.toInt(), margin)
        println("${square.x} ${square.y} ${square.side}")
    }
}
