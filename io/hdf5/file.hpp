#pragma once
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/hdf5/dataset.hpp"

namespace aureole::hdf5 {

using Attribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<double>,
                               std::vector<std::string>>;

/// An open HDF5 file. Move-only. Object names are paths from the root ("/train/x" or "train/x"). Every failure is an
/// Error(data_error) with file, object, the library's reason and a remedy. Safe to use from several threads at once.
class File {
  public:
    /// Opens for reading. Errors tell apart: absent (with names alike), not HDF5, truncated, no permission.
    /// @param outside whether it may lead to files outside of its folder: see Reach
    [[nodiscard]] static File open(std::string const& path, Outside outside = Outside::refuse);
    /// A file that another one leads to.
    [[nodiscard]] static File open(std::string const& path, Reach const& reach);
    /// Creates an empty file; what was there is lost.
    [[nodiscard]] static File create(std::string const& path);
    /// Likewise in the format of HDF5 1.8 and later, whose names, types, shapes and attributes carry checksums.
    [[nodiscard]] static File create_checked(std::string const& path);

    [[nodiscard]] std::string const& path() const { return path_; }

    [[nodiscard]] bool contains(std::string const& name) const;
    /// Paths of all datasets, in the order of their names. A group within itself is not entered again; an external link
    /// out of reach is an error.
    [[nodiscard]] std::vector<std::string> datasets() const;
    /// Paths of all links to what cannot be opened, because it is not there or damaged.
    [[nodiscard]] std::vector<std::string> dangling_links() const;
    /// Names of the members of a group.
    [[nodiscard]] std::vector<std::string> members(std::string const& group) const;

    /// @param cache_bytes room for decompressed chunks (0: the library's default of 1 MiB)
    [[nodiscard]] Dataset dataset(std::string const& name, std::size_t cache_bytes = 0) const;
    /// Creates the dataset and the groups above it.
    Dataset create_dataset(std::string const& name, DatasetSpec const& spec);
    /// Creates a dataset of the very type of `model` (enumerations, compounds, byte order); spec.type is not used.
    Dataset create_dataset_like(std::string const& name, DatasetSpec const& spec, Dataset const& model);
    /// Creates an (empty) group and those above it; an existing one is left as it is.
    void create_group(std::string const& name);

    /// Creates and writes a whole dataset.
    template <class T>
    Dataset write(std::string const& name, Extents const& shape, std::span<T const> values) {
        DatasetSpec spec;
        spec.type = type_of<T>;
        spec.shape = shape;
        Dataset dataset = create_dataset(name, spec);
        require_volume(dataset, values.size());
        dataset.write(Extents(shape.size(), 0), shape, spec.type, values.data());
        return dataset;
    }
    template <class T>
    [[nodiscard]] std::vector<T> read(std::string const& name) const {
        return dataset(name).read_all<T>();
    }

    /// Attributes of a group or dataset ("/": of the file). Setting replaces.
    void set_attribute(std::string const& object, std::string const& key, Attribute const& value);
    /// Empty if there is none of that name; an attribute of another kind of data is an error.
    [[nodiscard]] std::optional<Attribute> attribute(std::string const& object, std::string const& key) const;
    /// Copies all attributes of an object of another file, except variable-length ones other than text.
    void copy_attributes(File const& from, std::string const& from_object, std::string const& object);

    /// Ends a file that was created, after its datasets: all of it is handed to the operating system. One that goes out
    /// of scope without this may be cut short in silence.
    void close();

  private:
    [[nodiscard]] static File create_with(std::string const& path, std::int64_t access);
    File(Handle handle, std::string path, Reach reach)
        : handle_(std::move(handle)), path_(std::move(path)), reach_(std::move(reach)) {}
    /// Names for messages: of as many datasets as can be listed.
    [[nodiscard]] std::vector<std::string> datasets_like(std::string const& name, std::size_t count) const;
    void require_link_targets(std::string const& name) const;
    [[nodiscard]] Handle open_object(std::string const& name) const;
    [[nodiscard]] Dataset create_of_type(std::string const& name, DatasetSpec const& spec, std::int64_t type);
    static void require_volume(Dataset const& dataset, std::size_t values);

    Handle handle_;
    std::string path_;
    Reach reach_;
};

/// Version of the HDF5 library in use, e.g. "1.10.8, parallel".
[[nodiscard]] std::string library_version();

/// The up to `count` names most like `wanted`, best first: for "did you mean".
[[nodiscard]] std::vector<std::string> names_like(std::string const& wanted, std::vector<std::string> names,
                                                  std::size_t count);

}  // namespace aureole::hdf5
