#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/tensor/shape.hpp"
#include "io/hdf5/filters.hpp"
#include "io/hdf5/handle.hpp"
#include "io/hdf5/reach.hpp"
#include "io/hdf5/type.hpp"

namespace aureole::hdf5 {

using Extents = std::vector<Index>;  ///< one per axis, slowest first; empty for a scalar

/// "(60000, 28, 28)"
[[nodiscard]] std::string to_string(Extents const& extents);

/// What is done about elements that were never written, for which the library makes up values.
enum class Unwritten : std::uint8_t { refuse, allow };

/// What a new dataset is to be. Filters need a chunk.
struct DatasetSpec {
    Type type = Type::f32;
    Extents shape{};
    Extents chunk{};  ///< empty: contiguous
    int deflate = 0;  ///< 0 (none) to 9
    bool shuffle = false;
    std::string filter{};    ///< a further filter by name ("lzf"); empty: none
    bool has_place = false;  ///< room for all elements at creation, which nothing fills: see Dataset::offset()
};

/// An open dataset. Move-only; any number may be used from any thread, one library call runs at a time. Every failure
/// is an Error(data_error) that names file and dataset.
class Dataset {
  public:
    [[nodiscard]] std::string const& file() const { return file_; }
    [[nodiscard]] std::string const& name() const { return name_; }
    [[nodiscard]] Extents const& shape() const { return shape_; }
    [[nodiscard]] Extents const& chunk() const { return chunk_; }  ///< empty: not chunked
    [[nodiscard]] Type type() const { return type_; }
    /// Fields of a record that is no number, "time (f64), flux (f32)"; empty for other types.
    [[nodiscard]] std::string fields() const;
    /// Bytes of an element in the file: of a whole record where one field of it is read.
    [[nodiscard]] std::size_t stored_element_bytes() const { return stored_element_bytes_; }
    [[nodiscard]] Index volume() const;
    [[nodiscard]] std::vector<Filter> const& filters() const { return filters_; }
    [[nodiscard]] bool has_external_storage() const { return external_; }
    /// Where the elements of a contiguous dataset with a place begin in the file, in bytes.
    [[nodiscard]] std::int64_t offset() const;

    /// Reads the hyperslab [offset, offset + count) as `memory` elements; converts numbers of any type and byte order.
    /// Complex datasets are read as complex32 or complex64 only.
    void read(std::span<Index const> offset, std::span<Index const> count, Type memory, void* out) const;
    /// The hyperslab as bytes of the stored type, without conversion: for copies. Not for variable-length data.
    void read_stored(std::span<Index const> offset, std::span<Index const> count, void* out) const;
    void write(std::span<Index const> offset, std::span<Index const> count, Type memory, void const* data);
    void write_stored(std::span<Index const> offset, std::span<Index const> count, void const* data);
    /// Ends a dataset that was written: the library keeps values back until then, and tells here that there was no
    /// room.
    void close();

    /// The whole dataset.
    template <class T>
    [[nodiscard]] std::vector<T> read_all() const {
        std::vector<T> out(static_cast<std::size_t>(volume()));
        read(Extents(shape_.size(), 0), shape_, type_of<T>, out.data());
        return out;
    }

    /// Throws an Error(data_error) if the library would make up elements of this dataset: a source file or source
    /// dataset of a virtual dataset is missing, or elements were never written (`allow` lets these pass).
    void require_stored(Unwritten unwritten) const;
    /// Other files in which values of this dataset lie: that of an external link, external files, and the sources of a
    /// virtual dataset; as far as they are there.
    [[nodiscard]] std::vector<std::string> other_files() const;
    /// The numbers of an attribute in the order in which they are stored; none if there is no such attribute, or if it
    /// is no number. Exact: the type holds every integer of 64 bits.
    [[nodiscard]] std::vector<long double> attribute_numbers(std::string const& key) const;
    /// The value of elements that were never written, where whoever made the file has chosen one.
    [[nodiscard]] std::optional<long double> chosen_fill() const;

    /// "'x' of 'train.h5'"
    [[nodiscard]] std::string place() const;

  private:
    friend class File;
    Dataset(Handle handle, std::string file, Reach reach, std::string name, std::string const& field = "");
    [[nodiscard]] Handle memory_type_of(Type memory) const;
    void require_sources(std::int64_t plist, Unwritten unwritten, int depth) const;
    void require_source(std::string const& file, std::string const& name, std::int64_t selection, Index taken,
                        Unwritten unwritten, int depth) const;
    void require_stored(Unwritten unwritten, int depth) const;
    void inspect_storage(std::int64_t plist);
    [[nodiscard]] std::string holder() const;
    void inspect_external(std::int64_t plist, int files) const;
    void require_sources_within_reach(std::int64_t plist) const;
    void transfer(bool writing, std::span<Index const> offset, std::span<Index const> count, std::int64_t memory,
                  void* data) const;
    void require_filters(bool writing) const;

    Handle handle_, stored_type_;
    std::string file_;
    Reach reach_;
    std::string name_, field_;
    Extents shape_, chunk_;
    Type type_ = Type::other;
    std::size_t stored_element_bytes_ = 0;
    std::vector<Filter> filters_;
    bool external_ = false;
};

}  // namespace aureole::hdf5
