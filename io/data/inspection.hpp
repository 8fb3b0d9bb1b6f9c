#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/data/dataset.hpp"
#include "io/data/statistics.hpp"

namespace aureole {

/// Samples of which one thing was found.
struct Found {
    std::int64_t samples = 0, values = 0;
    std::vector<std::string> first;  ///< the first few, as texts that name sample, file and value

    /// Adds a value of a sample; samples come in order. `text` is called for the first few samples only.
    void add(std::int64_t sample, std::function<std::string()> const& text);

  private:
    std::int64_t last_ = -1;
};

/// Identifies the contents of a sample by 128 bits of its image and 64 of its labels, whatever the stored type.
struct SampleKey {
    std::array<std::uint64_t, 2> image{};
    std::uint64_t labels = 0;
    bool compared = false;  ///< false for samples that cannot be read, and for constant images
};

/// What one reading of a whole data set has found.
struct DataFindings {
    std::string image_type, label_type;  ///< as stored; empty where there are none
    std::size_t files = 0;
    std::vector<std::string> absent_storage;        ///< messages: elements that were never written
    std::array<Found, BadValue::kinds> bad;         ///< by BadValue::Kind: what training refuses
    Found unreadable;                               ///< samples that cannot be read at all
    Found constant;                                 ///< images whose pixels are all equal
    Found nothing_counts;                           ///< masks all of whose labels are ignored
    Statistics stored, prepared;                    ///< of the images, before and after Normalization::preparation
    std::int64_t labels = 0, ignored = 0;           ///< labels, and those that do not count
    std::vector<std::int64_t> classes;              ///< labels of each class
    std::map<long double, std::int64_t> outside;    ///< labels that are no class by their stored value: the first 1000
    std::int64_t zeros = 0, ones = 0, between = 0;  ///< targets
};

/// Samples of a set that are there before.
struct Copies {
    struct Pair {
        std::int64_t original, copy;
    };
    std::int64_t samples = 0, other_labels = 0;  ///< copies, and those of them whose labels differ from the original's
    std::vector<Pair> first;                     ///< the first few
};
/// Samples that are equal to an earlier one of the same set.
[[nodiscard]] Copies find_copies(std::vector<SampleKey> const& keys);
/// Samples of `keys` that are equal to one of `originals`.
[[nodiscard]] Copies find_copies(std::vector<SampleKey> const& originals, std::vector<SampleKey> const& keys);

/// Reads every sample of a data set once and tells what it finds, where training stops at the first fault. Holds a few
/// MiB and 32 bytes per sample.
class DataInspection {
  public:
    /// Opens the data set; throws where it cannot be opened even if single elements may be absent.
    DataInspection(SourceSpec const& source, SampleSpec const& sample, LoaderSpec const& loader, std::uint64_t seed);
    ~DataInspection();
    DataInspection(DataInspection const&) = delete;
    DataInspection& operator=(DataInspection const&) = delete;

    /// @param progress told how many samples have been read
    void read(std::function<void(std::int64_t)> const& progress);

    [[nodiscard]] Dataset const& dataset() const;
    [[nodiscard]] DataFindings const& findings() const;
    [[nodiscard]] std::vector<SampleKey> const& keys() const;

  private:
    class Reader;
    std::unique_ptr<Reader> reader_;
};

}  // namespace aureole
