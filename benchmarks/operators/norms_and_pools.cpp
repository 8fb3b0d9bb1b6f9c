#include <fmt/format.h>

#include "benchmarks/operators/register.hpp"
#include "core/ops/norm.hpp"
#include "core/ops/pool.hpp"

namespace aureole::benchmarks {

namespace {

/// Batch norm and ReLU: what a training step runs for one layer.
void register_norms(Shape const& shape, DType dtype) {
    NormAttributes norm;
    norm.running = false;
    norm.activation.kind = ActivationKind::relu;
    ValueType const x{dtype, shape};
    ValueType const statistics{accumulation_type(dtype), norm_statistics_shape(norm, shape)};
    ValueType const channel{accumulation_type(dtype), {1, 1, 1, 1, shape.c}};
    auto const name = [&](std::string_view what) {
        return fmt::format("norm/c{}_h{}/{}/{}", shape.c, shape.h, what, name_of(dtype));
    };
    auto const add = [&](std::string_view what, OperatorPtr const& op, std::vector<ValueType> const& inputs) {
        register_kernel(name(what), op, inputs, KernelChoice::automatic);
    };
    NormGradientAttributes const gradient{norm, false};
    add("statistics", std::make_shared<NormStatistics>(norm), {x});
    add("normalize", std::make_shared<Normalize>(norm), {x, statistics, statistics, channel, channel});
    add("reduce", std::make_shared<NormReduce>(gradient), {x, x, statistics, statistics, channel, channel});
    add("input_gradient", std::make_shared<NormInputGradient>(gradient),
        {x, x, statistics, statistics, channel, channel, statistics, statistics});
}

void register_pools(Shape const& shape, DType dtype) {
    ValueType const x{dtype, shape};
    for (auto const& [name, kind] : {std::pair{"max", PoolKind::max}, std::pair{"average", PoolKind::average}}) {
        for (Index const size : {2, 3}) {
            Window const both{size, 2, size / 3, size / 3, 1};
            PoolAttributes const attributes{{Window{}, both, both}, kind, true};
            auto const forward = std::make_shared<Pool>(attributes);
            std::vector<ValueType> const outputs = forward->infer(std::vector<ValueType>{x});
            auto const label = [&](std::string_view what) {
                return fmt::format("pool/{}{}/c{}_h{}/{}/{}", name, size, shape.c, shape.h, what, name_of(dtype));
            };
            register_kernel(label("forward"), forward, {x}, KernelChoice::automatic);
            register_kernel(label("input_gradient"), std::make_shared<PoolInputGradient>(attributes, shape), outputs,
                            KernelChoice::automatic);
        }
    }
}

}  // namespace

void register_norms_and_pools() {
    for (DType const dtype : {DType::f32, DType::bf16}) {
        for (Shape const& shape : {Shape{1, 1, 512, 512, 16}, Shape{1, 1, 512, 512, 64}, Shape{1, 1, 256, 256, 64},
                                   Shape{1, 1, 128, 128, 256}, Shape{1, 1, 32, 32, 1024}}) {
            register_norms(shape, dtype);
        }
        for (Shape const& shape : {Shape{1, 1, 512, 512, 32}, Shape{1, 1, 256, 256, 64}}) {
            register_pools(shape, dtype);
        }
    }
}

}  // namespace aureole::benchmarks
