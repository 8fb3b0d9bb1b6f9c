#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor/tensor.hpp"

namespace aureole {

/// The update rule and its constants; the learning rate comes with every step.
struct OptimizerSettings {
    enum class Kind : std::uint8_t {
        sgd,    ///< v = momentum v + g; w -= lr v (Nesterov: w -= lr (g + momentum v)), g including decay * w
        adamw,  ///< decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019)
    };
    Kind kind = Kind::sgd;
    double momentum = 0;    ///< sgd
    bool nesterov = false;  ///< sgd
    double weight_decay = 0;
    bool decay_norm_and_bias = false;  ///< decay applies to every parameter, not only to weights of layers
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< adamw
    std::optional<double> clip_norm;   ///< gradients are scaled so that their joint Euclidean norm is at most this
    std::optional<double> clip_value;  ///< gradient components are cut to [-clip_value, clip_value]
};

/// Names of the persistent tensors that an optimizer keeps per parameter, each of the parameter's shape and type:
/// "momentum", or "first_moment" and "second_moment".
[[nodiscard]] std::vector<std::string_view> optimizer_slots(OptimizerSettings const& settings);

/// One parameter as the optimizer sees it. w and slots are f32 or f64; dw has w's type.
struct OptimizedTensor {
    Tensor w, dw;
    std::vector<Tensor> slots;  ///< in the order of optimizer_slots()
    bool decay = true;
};

/// Bytes of scratch that gradient_norm needs for the largest tensor.
[[nodiscard]] std::size_t gradient_norm_workspace(std::vector<OptimizedTensor> const& tensors);
/// Euclidean norm of all gradients together; summed in fixed chunks in f64, so the same for every number of threads.
[[nodiscard]] double gradient_norm(std::vector<OptimizedTensor> const& tensors, Tensor const& workspace);

/// One update of one tensor, see below; `decay`: weight decay applies to it.
void optimizer_step(Tensor const& w, Tensor const& dw, std::span<Tensor const> slots, OptimizerSettings const& settings,
                    bool decay, double learning_rate, Index step, double gradient_scale);

/// One update of every tensor. `step` counts updates from 0 (adamw's bias correction); `gradient_scale` multiplies
/// every gradient first (clipping by the norm).
void optimizer_step(std::vector<OptimizedTensor> const& tensors, OptimizerSettings const& settings,
                    double learning_rate, Index step, double gradient_scale);

/// Learning rate as a function of the step: linear warm-up from lr / warmup_steps to lr, then one of the shapes.
struct LearningRate {
    enum class Kind : std::uint8_t { constant, step, cosine, polynomial };
    Kind kind = Kind::constant;
    double lr = 0.1;
    Index steps = 1;  ///< length of the run
    Index warmup_steps = 0;
    std::vector<double> milestones;  ///< step: below 1 a fraction of the run, otherwise a step number
    double gamma = 0.1;              ///< step: factor at every milestone
    double power = 1;                ///< polynomial: final + (lr - final) (1 - t)^power
    double final_lr = 0;             ///< cosine, polynomial: rate of the last update

    /// Rate of update number `step`, from 0.
    [[nodiscard]] double at(Index step) const;
};

}  // namespace aureole
