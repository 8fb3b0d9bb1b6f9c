#include "core/metrics/confusion.hpp"

#include "core/error.hpp"

namespace aureole {

Shape metric_confusion_shape(Shape const& logits) {
    Index const classes = std::max<Index>(logits.c, 2);
    return {1, 1, 1, classes, classes};
}

std::vector<ValueType> MetricConfusion::infer(std::span<ValueType const> inputs) const {
    Shape const& logits = inputs[0].shape;
    Shape per_pixel = logits;
    per_pixel.c = 1;
    require(inputs[1].shape == per_pixel, ExitCode::bad_deck,
            "confusion matrix: labels {} do not fit logits {} (one label per pixel is expected): predict at the "
            "resolution of the labels, or leave out accuracy, iou, dice and f1",
            to_string(inputs[1].shape), to_string(logits));
    bool const classes = inputs[1].dtype == DType::i32;
    bool const values = inputs[1].dtype == DType::f32 || inputs[1].dtype == DType::f64;
    require(classes || (values && logits.c == 1), ExitCode::bad_deck,
            "confusion matrix: {} labels with {} channels of logits (classes are integers): use class labels, or a "
            "network with one output channel",
            name_of(inputs[1].dtype), logits.c);
    require(inputs[2] == ValueType{DType::f64, metric_confusion_shape(logits)},
            "confusion matrix: counts {} {} for logits {}", name_of(inputs[2].dtype), to_string(inputs[2].shape),
            to_string(logits));
    return {};
}

}  // namespace aureole
