#include "benchmarks/halo/validate.hpp"

#include "benchmarks/halo/ramp.hpp"

namespace aureole::benchmarks {

namespace {

constexpr Index weight_values = 3;

/// 0, 1, 2, 0, ...: no symmetry under which a shifted or transposed tile would go unnoticed.
void write_weights(Tensor const& w) {
    std::vector<double> values(static_cast<std::size_t>(w.shape.volume()));
    for (std::size_t i = 0; i < values.size(); ++i) { values[i] = static_cast<double>(i % weight_values); }
    write_values(values, w);
}

void poison(Tensor const& tensor) {
    write_values(std::vector<double>(static_cast<std::size_t>(tensor.shape.volume()), -1.0), tensor);
}

/// Every rank writes its tile of the ramp, the rest comes by exchange.
void exchange_ramp(HaloCase const& each, Comm const& comm, HaloExchange& exchange, Tensor const& with_halo,
                   Index modulus) {
    poison(with_halo);
    write_values(ramp(each.owned()[comm.rank()], each.x, modulus), exchange.own());
    exchange.begin();
    exchange.finish();
    fence("the exchanged ramp is read");
}

}  // namespace

std::optional<std::string> validate_exchange(HaloCase const& each, Comm const& comm, HaloExchange& exchange,
                                             Tensor const& with_halo) {
    Index const modulus = ramp_modulus(each.dtype);
    exchange_ramp(each, comm, exchange, with_halo, modulus);
    Box const needed = each.needed()[comm.rank()];
    return first_difference(read_values(with_halo), ramp(needed, each.x, modulus), needed);
}

std::optional<std::string> validate_convolution(HaloCase const& each, Comm const& comm, HaloExchange& exchange,
                                                TileConvolution const& tile, TileConvolution const& whole) {
    Index const modulus = ramp_modulus_for_sums(each.kernel[0] * each.kernel[1] * each.x.c, weight_values - 1);
    write_weights(tile.w());
    write_weights(whole.w());
    write_values(ramp(Box::whole(each.x), each.x, modulus), whole.x());
    whole.run();
    exchange_ramp(each, comm, exchange, tile.x(), modulus);
    tile.run();
    fence("convolutions are compared");
    Box const part = each.results()[comm.rank()];
    return first_difference(read_values(tile.y()), part_of(read_values(whole.y()), each.y(), part), part);
}

}  // namespace aureole::benchmarks
