#include "core/kernels/onednn/invocation.hpp"

#include "core/error.hpp"

namespace aureole::onednn {

Invocation::Invocation(dnnl::primitive primitive, std::vector<Argument> const& arguments)
    : primitive_(std::move(primitive)) {
    for (Argument const& argument : arguments) {
        memories_.emplace_back(argument.layout, engine(), nullptr);
        arguments_.push_back({argument.name, memories_.back().get()});
    }
}

void Invocation::run(std::initializer_list<void*> data) const {
    std::size_t i = 0;
    for (void* pointer : data) { memories_[i++].set_data_handle(pointer); }
    auto const status = dnnl_primitive_execute(primitive_.get(), stream().get(), static_cast<int>(arguments_.size()),
                                               arguments_.data());
    require(status == dnnl_success, "oneDNN refused to execute a planned primitive (status {})",
            static_cast<int>(status));
}

dnnl::primitive_attr user_scratchpad() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
}

Reorder::Reorder(dnnl::memory::desc const& from, dnnl::memory::desc const& to, Mode mode, WorkspaceLayout& workspace) {
    dnnl::primitive_attr attributes = user_scratchpad();
    if (mode == Mode::add) {
        dnnl::post_ops sum;
        sum.append_sum(1.0F);
        attributes.set_post_ops(sum);
    }
    dnnl::reorder::primitive_desc const descriptor(engine(), from, engine(), to, attributes);
    scratchpad_ = workspace.add(descriptor.scratchpad_desc().get_size());
    invocation_ = {dnnl::reorder(descriptor),
                   {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, descriptor.scratchpad_desc()}}};
}

void Reorder::run(void* from, void* to, std::byte* workspace) const {
    invocation_.run({from, to, workspace + scratchpad_});
}

UnpackedGradient::UnpackedGradient(dnnl::memory::desc const& made, dnnl::memory::desc const& stored,
                                   WorkspaceLayout& workspace)
    : same_layout_(made == stored),
      made_(workspace.add(made.get_size())),
      overwrite_(made, stored, Reorder::Mode::overwrite, workspace),
      add_(made, stored, Reorder::Mode::add, workspace) {}

void* UnpackedGradient::target(void* stored, bool accumulate, std::byte* workspace) const {
    return same_layout_ && !accumulate ? stored : workspace + made_;
}

void UnpackedGradient::finish(void* stored, bool accumulate, std::byte* workspace) const {
    if (same_layout_ && !accumulate) { return; }
    (accumulate ? add_ : overwrite_).run(workspace + made_, stored, workspace);
}

}  // namespace aureole::onednn
