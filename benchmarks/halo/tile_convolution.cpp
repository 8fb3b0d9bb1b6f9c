#include "benchmarks/halo/tile_convolution.hpp"

#include "core/graph/memory_plan.hpp"

namespace aureole::benchmarks {

namespace {

KernelRequest request_of(HaloCase const& each, Conv const& op, Box const& x, Box const& y) {
    KernelRequest request;
    request.op = &op;
    request.inputs = {TensorSpec{each.dtype, each.x, x},
                      TensorSpec::whole(accumulation_type(each.dtype), conv_weight_shape(op.attributes(), each.x.c))};
    request.outputs = {TensorSpec{each.dtype, each.y(), y}};
    return request;
}

std::size_t bytes_of(KernelRequest const& request, Kernel const& kernel) {
    std::size_t bytes = kernel.workspace_bytes();
    for (auto const* specs : {&request.inputs, &request.outputs}) {
        for (TensorSpec const& spec : *specs) { bytes += align_up(spec.bytes()); }
    }
    return bytes;
}

}  // namespace

TileConvolution::TileConvolution(HaloCase const& each, Box const& x, Box const& y)
    : op_(std::make_shared<Conv>(each.attributes())),
      request_(request_of(each, *op_, x, y)),
      planned_(plan_kernel(request_, KernelChoice::automatic)),
      arena_(bytes_of(request_, *planned_.kernel)) {
    std::size_t offset = 0;
    auto const place = [&](TensorSpec const& spec) {
        Tensor const tensor = arena_.tensor(offset, spec.dtype, spec.local());
        zero(tensor);
        offset += align_up(spec.bytes());
        return tensor;
    };
    for (TensorSpec const& spec : request_.inputs) { inputs_.push_back(place(spec)); }
    for (TensorSpec const& spec : request_.outputs) { outputs_.push_back(place(spec)); }
    workspace_ = arena_.at(offset);
}

void TileConvolution::run() const { planned_.kernel->run({}, outputs_, inputs_, workspace_); }

}  // namespace aureole::benchmarks
