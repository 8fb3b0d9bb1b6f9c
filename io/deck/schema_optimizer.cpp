#include "io/deck/sections.hpp"

namespace aureole::deck {

Choices<LossSpec::Kind> choices_of(Of<LossSpec::Kind> /*type*/) {
    return {{"softmax_cross_entropy", LossSpec::Kind::softmax_cross_entropy},
            {"bce_with_logits", LossSpec::Kind::bce_with_logits},
            {"dice", LossSpec::Kind::dice}};
}

std::vector<Field> fields_of(Of<LossSpec> /*type*/) {
    using L = LossSpec;
    return {
        field(
            "name", &L::kind,
            "softmax_cross_entropy: one class per image or pixel; bce_with_logits: yes or no per output value; dice: "
            "1 - overlap of prediction and mask, a mean over samples and, of several classes, over those that occur in "
            "the sample's mask"),
        field("weight", &L::weight, "factor in the sum of losses").above(0),
        field("label_smoothing", &L::label_smoothing, "probability spread evenly over all classes")
            .from_up_to(0, 1)
            .with("name", {"softmax_cross_entropy"}),
        field("ignore_index", &L::ignore_index,
              "another name of data.ignore_label, which holds for every loss and metric")
            .from_up_to(-0x1p63, 0x1p63)
            .otherwise("data.ignore_label"),
        field("positive_weight", &L::positive_weight, "factor on the terms of positive labels")
            .above(0)
            .with("name", {"bce_with_logits"}),
        field("smooth", &L::smooth, "added to numerator and denominator of the overlap")
            .at_least(0)
            .with("name", {"dice"}),
    };
}

Choices<OptimizerSpec::Kind> choices_of(Of<OptimizerSpec::Kind> /*type*/) {
    return {{"sgd", OptimizerSpec::Kind::sgd}, {"adamw", OptimizerSpec::Kind::adamw}};
}

std::vector<Field> fields_of(Of<OptimizerSpec> /*type*/) {
    using O = OptimizerSpec;
    return {
        field("name", &O::kind, "sgd: stochastic gradient descent; adamw: Adam with decoupled weight decay"),
        field("lr", &O::lr, "learning rate after warm-up").is_required().at_least(0),
        field("momentum", &O::momentum, "share of the last update kept").from_up_to(0, 1).with("name", {"sgd"}),
        field("nesterov", &O::nesterov, "Nesterov's momentum").with("name", {"sgd"}),
        field("weight_decay", &O::weight_decay, "sgd: added to the gradient times the weight; adamw: decoupled")
            .at_least(0),
        field("decay_norm_and_bias", &O::decay_norm_and_bias,
              "weight decay on biases and normalisation parameters too"),
        field("beta1", &O::beta1, "decay of the gradient's mean").from_up_to(0, 1).with("name", {"adamw"}),
        field("beta2", &O::beta2, "decay of the squared gradient's mean").from_up_to(0, 1).with("name", {"adamw"}),
        field("epsilon", &O::epsilon, "added to the denominator").above(0).with("name", {"adamw"}),
    };
}

Choices<ScheduleSpec::Kind> choices_of(Of<ScheduleSpec::Kind> /*type*/) {
    return {{"constant", ScheduleSpec::Kind::constant},
            {"step", ScheduleSpec::Kind::step},
            {"cosine", ScheduleSpec::Kind::cosine},
            {"polynomial", ScheduleSpec::Kind::polynomial}};
}

std::vector<Field> fields_of(Of<ScheduleSpec> /*type*/) {
    using S = ScheduleSpec;
    return {
        field("name", &S::kind, "how the learning rate goes on after warm-up"),
        field("warmup_steps", &S::warmup_steps, "linear rise of the learning rate from 0").at_least(0).in("steps"),
        field("milestones", &S::milestones,
              "where the rate is multiplied by gamma: below 1 a fraction of the run, otherwise a step number")
            .is_required()
            .above(0)
            .items(1, Field::unlimited)
            .with("name", {"step"}),
        field("gamma", &S::gamma, "factor at every milestone").above(0).with("name", {"step"}),
        field("power", &S::power, "exponent of the decay").above(0).with("name", {"polynomial"}),
        field("final_lr", &S::final_lr, "learning rate of the last step")
            .at_least(0)
            .with("name", {"cosine", "polynomial"}),
    };
}

}  // namespace aureole::deck
