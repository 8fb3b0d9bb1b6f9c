#include "core/kernels/native/metrics.hpp"

#include <limits>

#include "core/kernels/launch.hpp"
#include "core/kernels/native/dispatch.hpp"
#include "core/kernels/native/loss_sums.hpp"
#include "core/kernels/native/target_values.hpp"
#include "core/metrics/confusion.hpp"

namespace aureole::native {

namespace {

constexpr Index no_cell = -1;

/// Row label, column prediction of the confusion matrix.
template <class T>
struct ConfusionCell {
    T const* logits;
    TargetValues labels;
    Index channels, classes;
    CountedLabels counted;

    KOKKOS_INLINE_FUNCTION Index operator()(Index pixel) const {
        double const label = labels[pixel];
        if (!counted.counts(label)) { return no_cell; }
        using A = Accumulation<T>;
        T const* const x = logits + pixel * channels;
        if (channels == 1) { return (label > 0.5 ? classes : 0) + (A(x[0]) > A(0) ? 1 : 0); }
        if (!(label >= 0 && label < static_cast<double>(classes))) { return no_cell; }
        Index predicted = 0;
        A largest = A(x[0]);
        for (Index c = 1; c < channels; ++c) {
            A const value = A(x[c]);
            predicted = value > largest ? c : predicted;
            largest = value > largest ? value : largest;
        }
        return static_cast<Index>(label) * classes + predicted;
    }
};

/// One table of counts for each chunk of pixels first ... first + pixels - 1.
template <class Cell, class Count>
struct CountChunk {
    Cell cell;
    Index first, pixels, chunks, cells;
    bool clear;
    Count* tables;

    KOKKOS_INLINE_FUNCTION void operator()(Index chunk, Index /*begin*/, Index /*end*/) const {
        Count* const table = tables + chunk * cells;
        if (clear) {
            for (Index i = 0; i < cells; ++i) { table[i] = Count(0); }
        }
        Index const last = first + pixels * (chunk + 1) / chunks;
        for (Index pixel = first + pixels * chunk / chunks; pixel < last; ++pixel) {
            Index const at = cell(pixel);
            if (at != no_cell) { table[at] += Count(1); }
        }
    }
};

struct ClearCounts {
    std::uint32_t* counts;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index i = begin; i < end; ++i) { counts[i] = 0; }
    }
};

/// Integer atomics: the result does not depend on the order.
template <class Cell>
struct CountAtomically {
    Cell cell;
    Index first;
    std::uint32_t* counts;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index pixel = first + begin; pixel < first + end; ++pixel) {
            Index const at = cell(pixel);
            if (at != no_cell) { Kokkos::atomic_add(counts + at, std::uint32_t{1}); }
        }
    }
};

/// Sums of integers below 2^53 are exact, in any order.
struct AddTables {
    Index tables, cells;
    std::uint32_t const* counts;
    double* state;
    KOKKOS_INLINE_FUNCTION void operator()(Index begin, Index end) const {
        for (Index table = 0; table < tables; ++table) {
            std::uint32_t const* __restrict const from = counts + table * cells;
            double* __restrict const to = state;
            for (Index i = begin; i < end; ++i) { to[i] += static_cast<double>(from[i]); }
        }
    }
};

/// Counts pixels into cells of the state.
///
/// The host gives every chunk of pixels a table of its own, since a Kokkos that is threaded from outside has no
/// atomics; a few pixels are counted straight into the state. A device has one table and integer atomics.
struct Counting {
    static constexpr Index most_chunks = 64, most_cells = Index{1} << 23, least_pixels = Index{1} << 14;
    /// Pixels of which a table can count any number.
    static constexpr Index most_pixels = std::numeric_limits<std::uint32_t>::max();
    Index cells;
    Index chunks;

    Counting(Index cells_, Index pixels) : cells(cells_), chunks(1) {
        // clearing and adding a table must cost little against filling it
        Index const worthwhile = pixels / std::max(least_pixels, 2 * cells);
        chunks = runs_on_host ? std::clamp<Index>(std::min(worthwhile, most_cells / cells), 1, most_chunks) : 1;
    }
    [[nodiscard]] bool direct() const { return runs_on_host && chunks == 1; }
    [[nodiscard]] std::size_t bytes() const {
        return direct() ? 0 : static_cast<std::size_t>(chunks * cells) * sizeof(std::uint32_t);
    }
    template <class Cell>
    void run(char const* label, Cell const& cell, Index pixels, std::byte* workspace, double* state) const {
        if (direct()) {
            if constexpr (runs_on_host) {
                for_rows(label, 1, pixels, CountChunk<Cell, double>{cell, 0, pixels, 1, cells, false, state});
            }
            return;
        }
        auto* const tables = reinterpret_cast<std::uint32_t*>(workspace);
        for (Index first = 0; first < pixels; first += most_pixels) {
            Index const part = std::min(most_pixels, pixels - first);
            if constexpr (runs_on_host) {
                for_rows(label, chunks, part,
                         CountChunk<Cell, std::uint32_t>{cell, first, part, chunks, cells, true, tables});
            } else {
                for_elements("aureole::metrics::clear", cells, ClearCounts{tables});
                for_elements(label, part, CountAtomically<Cell>{cell, first, tables});
            }
            for_elements("aureole::metrics::add", cells, AddTables{chunks, cells, tables, state});
        }
    }
};

/// Pixels of the samples that count.
Index valid_pixels(RunContext const& context, TensorSpec const& logits) {
    return ValidSamples(context, logits).local * logits.local().pixels_per_sample();
}

template <class T>
class MetricConfusionKernel : public Kernel {
  public:
    explicit MetricConfusionKernel(KernelRequest const& request)
        : attributes_(request.as<MetricConfusion>().attributes()),
          logits_(request.inputs[0]),
          counting_(request.inputs[2].local().volume(), logits_.local().pixels()) {}
    [[nodiscard]] std::size_t workspace_bytes() const override { return counting_.bytes(); }

    void run(RunContext const& context, std::span<Tensor const> /*outputs*/, std::span<Tensor const> inputs,
             std::byte* workspace) const override {
        ConfusionCell<T> const cell{inputs[0].as<T>(), TargetValues(inputs[1]), logits_.global.c, inputs[2].shape.c,
                                    CountedLabels(attributes_.ignore_label, inputs[1].dtype)};
        counting_.run("aureole::metric_confusion::count", cell, valid_pixels(context, logits_), workspace,
                      inputs[2].as<double>());
    }

  private:
    MetricConfusionAttributes attributes_;
    TensorSpec logits_;
    Counting counting_;
};

/// Whether the pixels of the request can be counted; if not, `refusal` says why.
bool can_count(KernelRequest const& request, std::string& refusal) {
    Shape labels = request.inputs[0].local();
    bool const whole_pixels = labels.c == request.inputs[0].global.c;
    labels.c = 1;
    if (!whole_pixels || request.inputs[1].local() != labels) {
        refusal = "logits and labels are not held for the same whole pixels";
        return false;
    }
    return true;
}

}  // namespace

std::unique_ptr<Kernel> make_metric_confusion(KernelRequest const& request, std::string& refusal) {
    if (!can_count(request, refusal)) { return nullptr; }
    return make_by_type<MetricConfusionKernel>(request, request.inputs[0].dtype, refusal);
}

}  // namespace aureole::native
