#include "core/optim/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.hpp"
#include "core/kernels/launch.hpp"
#include "core/tensor/arena.hpp"

namespace aureole {

namespace {

constexpr Index norm_chunk = 4096;

/// Figures of one update in the parameter's type.
template <class T>
struct Gradient {
    T const* __restrict dw;
    T scale, clip;
    [[nodiscard]] KOKKOS_INLINE_FUNCTION T at(Index i) const {
        T const g = dw[i] * scale;
        T const low = g < -clip ? -clip : g;
        return low > clip ? clip : low;
    }
};

template <class T>
struct Sgd {
    T* __restrict w;
    Gradient<T> gradient;
    T* __restrict momentum_buffer;
    T lr, momentum, decay;
    bool has_momentum, nesterov;

    // a copy of the members that no store can reach: otherwise the loop reads them again after every store
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const { Sgd(*this).update(begin, end); }
    KOKKOS_INLINE_FUNCTION void update(Index begin, Index end) const {
        if (!has_momentum) {
            for (Index i = begin; i < end; ++i) { w[i] -= lr * (gradient.at(i) + decay * w[i]); }
            return;
        }
        T const ahead = nesterov ? momentum : T(1);
        T const now = nesterov ? T(1) : T(0);
        for (Index i = begin; i < end; ++i) {
            T const g = gradient.at(i) + decay * w[i];
            T const v = momentum * momentum_buffer[i] + g;
            momentum_buffer[i] = v;
            w[i] -= lr * (now * g + ahead * v);
        }
    }
};

template <class T>
struct AdamW {
    T* __restrict w;
    Gradient<T> gradient;
    T* __restrict first;
    T* __restrict second;
    T beta1, beta2, rest1, rest2;  ///< rest = 1 - beta, which f32 would round by a hundred-thousandth
    T epsilon, step_size, second_scale, shrink;

    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const { AdamW(*this).update(begin, end); }
    KOKKOS_INLINE_FUNCTION void update(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) {
            T const g = gradient.at(i);
            T const m = beta1 * first[i] + rest1 * g;
            T const v = beta2 * second[i] + rest2 * g * g;
            first[i] = m;
            second[i] = v;
            w[i] = shrink * w[i] - step_size * m / (sqrt(v) * second_scale + epsilon);
        }
    }
};

/// Row r of the result: sum of squares of one chunk.
template <class T>
struct SquareSums {
    T const* __restrict values;
    double* __restrict sums;
    Index count;
    KOKKOS_INLINE_FUNCTION void operator()(Index chunk, Index /*begin*/, Index /*end*/) const {
        Index const first = chunk * norm_chunk;
        Index const last = first + norm_chunk < count ? first + norm_chunk : count;
        double sum[8] = {};
        Index i = first;
        for (; i + 8 <= last; i += 8) {
            for (Index k = 0; k < 8; ++k) { sum[k] += static_cast<double>(values[i + k]) * values[i + k]; }
        }
        for (; i < last; ++i) { sum[(i - first) % 8] += static_cast<double>(values[i]) * values[i]; }
        sums[chunk] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
    }
};

Index chunks_of(Tensor const& tensor) { return (tensor.shape.volume() + norm_chunk - 1) / norm_chunk; }

template <class T>
void update(Tensor const& w, Tensor const& dw, std::span<Tensor const> slots, OptimizerSettings const& settings,
            double decay, double lr, Index step, double scale) {
    Gradient<T> const gradient{dw.as<T>(), static_cast<T>(scale),
                               static_cast<T>(settings.clip_value.value_or(std::numeric_limits<T>::max()))};
    Index const count = w.shape.volume();
    if (settings.kind == OptimizerSettings::Kind::sgd) {
        bool const has_momentum = settings.momentum != 0;
        for_elements("aureole::optimizer::sgd", count,
                     Sgd<T>{w.as<T>(), gradient, has_momentum ? slots[0].as<T>() : nullptr, static_cast<T>(lr),
                            static_cast<T>(settings.momentum), static_cast<T>(decay), has_momentum, settings.nesterov});
        return;
    }
    double const correction1 = 1 - std::pow(settings.beta1, static_cast<double>(step + 1));
    double const correction2 = 1 - std::pow(settings.beta2, static_cast<double>(step + 1));
    for_elements(
        "aureole::optimizer::adamw", count,
        AdamW<T>{w.as<T>(), gradient, slots[0].as<T>(), slots[1].as<T>(), static_cast<T>(settings.beta1),
                 static_cast<T>(settings.beta2), static_cast<T>(1 - settings.beta1), static_cast<T>(1 - settings.beta2),
                 static_cast<T>(settings.epsilon), static_cast<T>(lr / correction1),
                 static_cast<T>(1 / std::sqrt(correction2)), static_cast<T>(1 - lr * decay)});
}

}  // namespace

std::vector<std::string_view> optimizer_slots(OptimizerSettings const& settings) {
    if (settings.kind == OptimizerSettings::Kind::adamw) { return {"first_moment", "second_moment"}; }
    if (settings.momentum != 0) { return {"momentum"}; }
    return {};
}

std::size_t gradient_norm_workspace(std::vector<OptimizedTensor> const& tensors) {
    Index chunks = 0;
    for (OptimizedTensor const& tensor : tensors) { chunks += chunks_of(tensor.dw); }
    return static_cast<std::size_t>(chunks) * sizeof(double);
}

double gradient_norm(std::vector<OptimizedTensor> const& tensors, Tensor const& workspace) {
    Index first = 0;
    for (OptimizedTensor const& tensor : tensors) {
        Index const chunks = chunks_of(tensor.dw);
        require(first + chunks <= workspace.shape.volume(), "gradient norm: workspace of {} doubles is too small",
                workspace.shape.volume());
        double* const sums = workspace.as<double>() + first;
        Index const count = tensor.dw.shape.volume();
        if (tensor.dw.dtype == DType::f64) {
            for_rows("aureole::optimizer::square_sums", chunks, 1,
                     SquareSums<double>{tensor.dw.as<double>(), sums, count});
        } else {
            for_rows("aureole::optimizer::square_sums", chunks, 1,
                     SquareSums<float>{tensor.dw.as<float>(), sums, count});
        }
        first += chunks;
    }
    Tensor used = workspace;
    used.shape = {1, 1, 1, 1, first};
    double sum = 0;
    for (double const part : read_values(used)) { sum += part; }
    return std::sqrt(sum);
}

void optimizer_step(Tensor const& w, Tensor const& dw, std::span<Tensor const> slots, OptimizerSettings const& settings,
                    bool decay, double learning_rate, Index step, double gradient_scale) {
    double const rate = decay || settings.decay_norm_and_bias ? settings.weight_decay : 0;
    auto const run = w.dtype == DType::f64 ? update<double> : update<float>;
    run(w, dw, slots, settings, rate, learning_rate, step, gradient_scale);
}

void optimizer_step(std::vector<OptimizedTensor> const& tensors, OptimizerSettings const& settings,
                    double learning_rate, Index step, double gradient_scale) {
    for (OptimizedTensor const& each : tensors) {
        optimizer_step(each.w, each.dw, each.slots, settings, each.decay, learning_rate, step, gradient_scale);
    }
}

double LearningRate::at(Index step) const {
    if (step < warmup_steps) { return lr * static_cast<double>(step + 1) / static_cast<double>(warmup_steps); }
    double const length =
        static_cast<double>(std::max<Index>(1, steps - 1 - warmup_steps));  // the last update has t = 1
    double const t = std::min(1.0, static_cast<double>(step - warmup_steps) / length);
    switch (kind) {
        case Kind::constant: return lr;
        case Kind::cosine: return final_lr + (lr - final_lr) * 0.5 * (1 + std::cos(3.14159265358979323846 * t));
        case Kind::polynomial: return final_lr + (lr - final_lr) * std::pow(1 - t, power);
        case Kind::step: {
            double rate = lr;
            for (double const milestone : milestones) {
                double const at = milestone < 1 ? milestone * static_cast<double>(steps) : milestone;
                if (static_cast<double>(step) >= at) { rate *= gamma; }
            }
            return rate;
        }
    }
    return lr;
}

}  // namespace aureole
