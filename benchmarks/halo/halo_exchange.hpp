#pragma once
#include "benchmarks/halo/halo_case.hpp"
#include "core/tensor/arena.hpp"
#include "parallel/exchange/exchange.hpp"

namespace aureole::benchmarks {

/// The exchange by which a rank that owns a tile gets the tile with its border.
class HaloExchange {
  public:
    /// `to`: memory of the tile with its border. The own tile lies inside, as training places it; where windows do not
    /// overlap, a rank may own pixels that it does not need, and its tile is copied.
    HaloExchange(HaloCase const& each, Comm const& comm, Tensor const& to);
    void begin() { exchange_.begin(); }
    void finish() { exchange_.finish(); }

    [[nodiscard]] Tensor const& own() const { return own_; }
    [[nodiscard]] Exchange const& exchange() const { return exchange_; }
    [[nodiscard]] std::size_t bytes_received() const;
    /// Strips go through message buffers on this rank.
    [[nodiscard]] bool packs() const { return exchange_.buffer_bytes() > 0; }
    /// Of the own tile, where it must be copied into the tile with its border.
    [[nodiscard]] std::size_t bytes_copied() const { return from_.within ? 0 : from_.bytes(); }

  private:
    Redistribution plan_;
    TensorSpec from_, to_;
    Exchange exchange_;
    Arena arena_;
    Tensor own_;
};

}  // namespace aureole::benchmarks
