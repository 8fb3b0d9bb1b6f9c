#include "core/kernels/native/norm_geometry.hpp"

namespace aureole::native {

NormGeometry NormGeometry::of(TensorSpec const& x, TensorSpec const& statistics, Pass pass, bool by_lines) {
    Shape const local = x.local();
    NormGeometry g;
    g.channels = local.c;
    g.sample_elements = local.elements_per_sample();
    g.samples = local.n;
    g.first_sample = x.box.lo[0];
    g.samples_per_row = x.global.n / statistics.global.n;
    g.first_row = g.first_sample / g.samples_per_row;
    g.segments = (g.first_sample + g.samples - 1) / g.samples_per_row - g.first_row + 1;
    g.elements_per_statistic =
        static_cast<double>(x.global.volume()) / static_cast<double>(statistics.global.n * statistics.global.c);

    Index copies = (256 + g.channels - 1) / g.channels;
    while (g.channels < 64 && copies * g.channels % 16 != 0) { ++copies; }
    Index const longest = std::min(g.samples, g.samples_per_row) * g.sample_elements;
    Index const line = local.w * local.c;
    g.width = std::max<Index>(1, std::min(copies * g.channels, by_lines ? line : longest));
    // sums in f32 are kept short, a chunk of a sum in the second-level cache; small tensors still give a few chunks
    Index const most = runs_on_host || pass == Pass::sums ? 256 : 4;
    g.height = std::clamp<Index>(longest / (16 * g.width), std::min<Index>(8, most), most);
    if (by_lines && line > 0) {
        g.line = line;
        g.height = std::min(g.height, (line + g.width - 1) / g.width);
        g.chunks_of_line = (line + g.height * g.width - 1) / (g.height * g.width);
        g.chunks = longest / line * g.chunks_of_line;
        return g;
    }
    g.chunks = (longest + g.height * g.width - 1) / (g.height * g.width);
    return g;
}

bool all_dense(KernelRequest const& request) {
    auto const is_dense = [](TensorSpec const& each) { return Lines::of(each).dense; };
    return std::all_of(request.inputs.begin(), request.inputs.end(), is_dense) &&
           std::all_of(request.outputs.begin(), request.outputs.end(), is_dense);
}

NormPlacement NormPlacement::of(TensorSpec const& x, TensorSpec const& statistics) {
    NormPlacement place;
    place.first_channel = x.box.lo[4];
    place.channels = x.global.c;
    place.groups = statistics.global.c;
    place.first_group = statistics.box.lo[4];
    place.local_groups = statistics.local().c;
    place.first_row = statistics.box.lo[0];
    return place;
}

}  // namespace aureole::native
