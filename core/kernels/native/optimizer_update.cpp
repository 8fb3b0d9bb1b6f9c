#include "core/kernels/native/optimizer_update.hpp"

#include "core/optim/update.hpp"

namespace aureole::native {

namespace {

class OptimizerUpdateKernel : public Kernel {
  public:
    explicit OptimizerUpdateKernel(KernelRequest const& request)
        : settings_(request.as<OptimizerUpdate>().settings()), decay_(request.as<OptimizerUpdate>().decay()) {}
    void run(RunContext const& context, std::span<Tensor const> /*outputs*/, std::span<Tensor const> inputs,
             std::byte* /*workspace*/) const override {
        optimizer_step(inputs[1], inputs[0], inputs.subspan(2), settings_, decay_, context.learning_rate,
                       context.update, 1);
    }

  private:
    OptimizerSettings settings_;
    bool decay_;
};

}  // namespace

std::unique_ptr<Kernel> make_optimizer_update(KernelRequest const& request, std::string& /*refusal*/) {
    return std::make_unique<OptimizerUpdateKernel>(request);
}

}  // namespace aureole::native
