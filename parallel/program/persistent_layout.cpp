#include "parallel/program/persistent_layout.hpp"

#include "core/error.hpp"
#include "core/tensor/alignment.hpp"

namespace aureole {

std::size_t PersistentLayout::add(Persistent entry) {
    auto const found = index_.find(entry.name);
    if (found != index_.end()) {
        Persistent const& known = entries_[found->second];
        require(known.local() == entry.local() && known.spec.dtype == entry.spec.dtype,
                "{} is {} {} in one program and {} {} in another", entry.name, name_of(known.spec.dtype),
                to_string(known.local()), name_of(entry.spec.dtype), to_string(entry.local()));
        return found->second;
    }
    entry.offset = bytes_ + zone_before(entry.bytes(), red_zone_);
    bytes_ += block_bytes(entry.bytes(), red_zone_);
    index_[entry.name] = entries_.size();
    entries_.push_back(std::move(entry));
    return entries_.size() - 1;
}

void PersistentLayout::add_values_of(Graph const& graph) {
    for (Role const role : {Role::parameter, Role::state}) {
        for (Value const& value : graph.values()) {
            if (value.role != role) { continue; }
            bool const slot = value.name.rfind("optimizer/", 0) == 0;
            auto const kind = role == Role::parameter ? Persistent::Kind::parameter
                              : slot                  ? Persistent::Kind::slot
                                                      : Persistent::Kind::state;
            add({value.name, kind, TensorSpec::whole(value.type.dtype, value.type.shape), 0, value.initializer,
                 value.decay});
        }
    }
}

Persistent const& PersistentLayout::find(std::string const& name) const {
    auto const found = index_.find(name);
    require(found != index_.end(), "no persistent tensor is called {}", name);
    return entries_[found->second];
}

std::size_t PersistentLayout::bytes_of(Persistent::Kind kind) const {
    std::size_t sum = 0;
    for (Persistent const& entry : entries_) { sum += entry.kind == kind ? align_up(entry.bytes()) : 0; }
    return sum;
}

std::size_t PersistentLayout::red_zones() const {
    std::size_t sum = 0;
    for (Persistent const& entry : entries_) { sum += 2 * zone_before(entry.bytes(), red_zone_); }
    return sum;
}

void PersistentLayout::watch(Arena const& arena) const {
    if (arena.guard() == nullptr) { return; }
    for (Persistent const& entry : entries_) { arena.guard()->keep(entry.offset, entry.bytes(), entry.name); }
}

}  // namespace aureole
