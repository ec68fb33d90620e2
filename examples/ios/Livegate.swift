// Loads the Core ML package of an artifact and judges faces under any configuration. iOS 18 or macOS 15.
//
// Add to the app: manifest.json and model.mlpackage of an artifact (Xcode compiles the latter to model.mlmodelc).
//
//     let livegate = try Livegate(manifest: url("manifest", "json"), model: url("model", "mlmodelc"))
//     let decision = try livegate.check(picture, configuration: "LLL")
import CoreGraphics
import CoreML
import Foundation
import Vision

/// A score from 0 to 1, higher = more bona fide, and the threshold from which a face is accepted.
public struct Decision {
    public let score, threshold: Double
    public var accepted: Bool { score >= threshold }
}

public enum LivegateError: Error {
    case noFace, tooSmall, unknownConfiguration(String), unreadable, unsupported(String)
}

/// A network that any call may run in another configuration. One instance serves one thread at a time.
public final class Livegate {
    private let manifest: Manifest
    private let url: URL
    private var functions: [String: MLModel] = [:]

    public init(manifest: URL, model: URL) throws {
        let facts = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: manifest))
        let (task, shape, interpolation) = (facts.task, facts.preprocessing.shape, facts.preprocessing.interpolation)
        // Other pixels would give wrong scores without a sign of it.
        guard task == "liveness", shape == "square", interpolation == "area" else {
            throw LivegateError.unsupported(
                "needs task liveness, shape square, interpolation area; got \(task), \(shape), \(interpolation)")
        }
        self.manifest = facts
        url = model
    }

    /// Judges the largest face of an upright picture.
    ///
    /// Vision draws its boxes otherwise than YuNet, with which the shipped thresholds were set: set your own, on your own frames.
    public func check(_ picture: CGImage, configuration: String) throws -> Decision {
        let request = VNDetectFaceRectanglesRequest()
        try VNImageRequestHandler(cgImage: picture).perform([request])
        let boxes = (request.results ?? []).map { face in
            let box = VNImageRectForNormalizedRect(face.boundingBox, picture.width, picture.height)
            return CGRect(x: box.minX, y: CGFloat(picture.height) - box.maxY, width: box.width, height: box.height)  // y from the top
        }
        guard let box = boxes.max(by: { $0.longerSide < $1.longerSide }) else { throw LivegateError.noFace }
        guard box.longerSide >= 64 else { throw LivegateError.tooSmall }
        return try check(picture, box: box, configuration: configuration)
    }

    /// Judges the face in a box, in pixels of the picture, y from the top.
    public func check(_ picture: CGImage, box: CGRect, configuration: String) throws -> Decision {
        let own = manifest.variants.coreml.thresholds?[configuration]  // where those of the artifact do not fit its precision
        guard let threshold = own ?? manifest.configurations[configuration]?.threshold else {
            throw LivegateError.unknownConfiguration(configuration)
        }
        let size = manifest.preprocessing.size
        let square = Square(about: box, width: picture.width, height: picture.height, margin: manifest.preprocessing.margin)
        let face = MLShapedArray<Float>(scalars: try pixels(of: picture, in: square, size: size), shape: [1, 3, size, size])

        let input = try MLDictionaryFeatureProvider(dictionary: ["image": MLMultiArray(face)])
        let output = try function(configuration).prediction(from: input)
        guard let logits = output.featureValue(for: "logits")?.multiArrayValue else { throw LivegateError.unreadable }
        let score = 1 / (1 + exp(logits[1].doubleValue - logits[0].doubleValue))  // 0 bona fide, 1 attack
        return Decision(score: score, threshold: threshold.value)
    }

    /// The part of the package that computes a configuration, loaded when it is first used; the weights are one file for all.
    private func function(_ configuration: String) throws -> MLModel {
        if let loaded = functions[configuration] { return loaded }
        guard let name = manifest.variants.coreml.entry.names[configuration] else {
            throw LivegateError.unknownConfiguration(configuration)
        }
        let options = MLModelConfiguration()
        options.functionName = name
        let loaded = try MLModel(contentsOf: url, configuration: options)
        functions[configuration] = loaded
        return loaded
    }
}

/// What is read of manifest.json.
private struct Manifest: Decodable {
    struct Preprocessing: Decodable { let size: Int, margin: Double, shape: String, interpolation: String }
    struct Threshold: Decodable { let value: Double }
    struct Configuration: Decodable { let threshold: Threshold }
    struct Entry: Decodable { let names: [String: String] }
    struct Variant: Decodable { let entry: Entry, thresholds: [String: Threshold]? }
    struct Variants: Decodable { let coreml: Variant }

    let task: String
    let preprocessing: Preprocessing
    let configurations: [String: Configuration]
    let variants: Variants
}

/// The square about a face box that the network sees, in whole pixels, shifted to stay inside the picture. Halves round up.
struct Square: Equatable {
    let x, y, side: Int

    init(about box: CGRect, width: Int, height: Int, margin: Double) {
        func rounded(_ value: Double) -> Int { Int((value + 0.5).rounded(.down)) }
        let side = max(1, min(rounded(margin * box.longerSide), width, height))
        func within(_ middle: CGFloat, _ end: Int) -> Int { min(max(rounded(Double(middle) - Double(side) / 2), 0), end - side) }
        self.side = side
        x = within(box.midX, width)
        y = within(box.midY, height)
    }
}

/// A square of a picture as channels first, RGB, 0..255: area-averaged where it shrinks, bilinear where it grows.
func pixels(of picture: CGImage, in square: Square, size: Int) throws -> [Float] {
    let side = square.side
    var bytes = [UInt8](repeating: 0, count: 4 * side * side)
    try bytes.withUnsafeMutableBytes { buffer in
        guard let cut = picture.cropping(to: CGRect(x: square.x, y: square.y, width: side, height: side)),
            let context = CGContext(
                data: buffer.baseAddress, width: side, height: side, bitsPerComponent: 8, bytesPerRow: 4 * side,
                space: CGColorSpace(name: CGColorSpace.sRGB)!, bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
        else { throw LivegateError.unreadable }
        context.draw(cut, in: CGRect(x: 0, y: 0, width: side, height: side))
    }

    let line = taps(side: side, size: size)
    var face = [Float]()
    for channel in 0..<3 {
        let narrow = (0..<side).map { row in
            line.map { tap in
                tap.weights.enumerated().reduce(Float(0)) { sum, weight in
                    sum + weight.element * Float(bytes[4 * (row * side + tap.first + weight.offset) + channel])
                }
            }
        }
        for tap in line {
            for column in 0..<size {
                let value = tap.weights.enumerated().reduce(Float(0)) { $0 + $1.element * narrow[tap.first + $1.offset][column] }
                face.append(value.rounded())
            }
        }
    }
    return face
}

/// For each of `size` output pixels, the first of the `side` input pixels that it takes from, and their weights.
private func taps(side: Int, size: Int) -> [(first: Int, weights: [Float])] {
    let scale = Double(side) / Double(size)
    return (0..<size).map { i in
        if scale < 1 {
            let centre = min(max((Double(i) + 0.5) * scale - 0.5, 0), Double(side - 1))
            let first = Int(centre)
            let part = centre - Double(first)
            return (first, part == 0 ? [1] : [Float(1 - part), Float(part)])
        }
        let start = Double(i) * scale
        let end = min(Double(i + 1) * scale, Double(side))
        let first = Int(start)
        return (first, (first..<Int(end.rounded(.up))).map { Float((min(Double($0 + 1), end) - max(Double($0), start)) / scale) })
    }
}

extension CGRect {
    fileprivate var longerSide: Double { Double(max(width, height)) }
}
