// Loads model.onnx once and runs it on a face under any configurations, one after the other.
//
//     switch model.onnx face.ppm HHH LLL BBB
//
// face.ppm is what examples/crop.py writes: the face, cut out and resized. How large it is and how many letters a configuration has
// stand in the model. A line for each configuration: its logits (bona fide, attack) and the score, 0..1, higher = more bona fide. A face
// is accepted when its score is at least the threshold that manifest.json has for the configuration: in the file's variant where that has
// thresholds of its own, else among the configurations.
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

class Liveness {
public:
    explicit Liveness(const char* path)
        : session_(env_, std::filesystem::path(path).c_str(), options()),
          size_(shape(0).at(3)),
          blocks_(session_.GetInputCount() > 1 ? shape(1).at(0) : 0) {}

    // Height and width of the face that it takes, in pixels.
    int64_t size() const { return size_; }

    // Logits of a face: 0 bona fide, 1 attack. The face is (3, size, size), RGB, 0..255; normalisation is inside the model.
    std::array<float, 2> logits(std::vector<float>& face, const std::string& configuration) {
        std::vector<int64_t> branches;
        for (char letter : configuration) {
            const auto branch = std::string("HLB").find(letter);  // 0 heavy, 1 light, 2 both
            if (branch == std::string::npos) throw std::invalid_argument(configuration + ": branches are H, L and B");
            branches.push_back(static_cast<int64_t>(branch));
        }
        if (static_cast<int64_t>(branches.size()) != blocks_)
            throw std::invalid_argument(configuration + ": the model has " + std::to_string(blocks_) + " adaptive blocks");

        const std::array<int64_t, 4> image{1, 3, size_, size_};
        const std::array<Ort::Value, 2> inputs{
            Ort::Value::CreateTensor<float>(memory_, face.data(), face.size(), image.data(), image.size()),
            Ort::Value::CreateTensor<int64_t>(memory_, branches.data(), branches.size(), &blocks_, 1),
        };
        const char* const inputNames[] = {"image", "configuration"};
        const char* const outputNames[] = {"logits"};
        const auto outputs =
            session_.Run(Ort::RunOptions{}, inputNames, inputs.data(), session_.GetInputCount(), outputNames, 1);
        const float* values = outputs.front().GetTensorData<float>();
        return {values[0], values[1]};
    }

private:
    static Ort::SessionOptions options() {
        Ort::SessionOptions options;
        options.SetIntraOpNumThreads(1);
        return options;
    }

    std::vector<int64_t> shape(size_t input) const {
        return session_.GetInputTypeInfo(input).GetTensorTypeAndShapeInfo().GetShape();
    }

    Ort::Env env_{ORT_LOGGING_LEVEL_WARNING};
    Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
    Ort::Session session_;
    int64_t size_, blocks_;
};

// A binary PPM file of size x size pixels as (3, size, size).
std::vector<float> read(const char* path, int64_t size) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    int64_t width = 0, height = 0, maximum = 0;
    file >> magic >> width >> height >> maximum;
    file.get();  // one white space
    const std::vector<char> pixels{std::istreambuf_iterator<char>(file), {}};
    const auto area = static_cast<size_t>(size * size);
    if (magic != "P6" || width != size || height != size || maximum != 255 || pixels.size() != 3 * area)
        throw std::invalid_argument(std::string(path) + ": expected a binary PPM file of the size that the model takes, " +
                                    std::to_string(size) + " x " + std::to_string(size) + "; examples/crop.py writes it");
    std::vector<float> face(3 * area);
    for (size_t i = 0; i < pixels.size(); ++i) face[i % 3 * area + i / 3] = static_cast<uint8_t>(pixels[i]);
    return face;
}

int main(int count, char** arguments) try {
    if (count < 4) throw std::invalid_argument("usage: switch model.onnx face.ppm CONFIGURATION...");
    Liveness liveness(arguments[1]);
    auto face = read(arguments[2], liveness.size());
    for (int i = 3; i < count; ++i) {
        const auto [bonaFide, attack] = liveness.logits(face, arguments[i]);
        const double score = 1 / (1 + std::exp(static_cast<double>(attack) - bonaFide));
        std::printf("%s %.9g %.9g %.9g\n", arguments[i], bonaFide, attack, score);
    }
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
}
