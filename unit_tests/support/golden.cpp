#include <hdf5.h>

#include <cstdlib>

#include "core/error.hpp"
#include "unit_tests/support/operator_harness.hpp"

namespace aureole::test {

namespace {

std::string path_of(std::string const& file) {
    char const* const root = std::getenv("AUREOLE_SOURCE_DIR");
    return std::string(root != nullptr ? root : ".") + "/unit_tests/golden/" + file;
}

/// Closes an HDF5 identifier at the end of its scope.
struct Handle {
    hid_t id;
    herr_t (*close)(hid_t);
    Handle(hid_t id, herr_t (*close)(hid_t), std::string const& what) : id(id), close(close) {
        require(id >= 0, "golden file: cannot open {}: run its script in unit_tests/golden, or set AUREOLE_SOURCE_DIR",
                what);
    }
    Handle(Handle const&) = delete;
    Handle& operator=(Handle const&) = delete;
    ~Handle() { close(id); }
};

}  // namespace

HostTensor read_golden(std::string const& file, std::string const& dataset) {
    Handle const handle(H5Fopen(path_of(file).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path_of(file));
    Handle const data(H5Dopen2(handle.id, dataset.c_str(), H5P_DEFAULT), H5Dclose, file + dataset);
    Handle const space(H5Dget_space(data.id), H5Sclose, dataset);
    int const rank = H5Sget_simple_extent_ndims(space.id);
    std::array<hsize_t, 5> dims{1, 1, 1, 1, 1};
    require(rank <= 5, "golden {} {}: rank {}", file, dataset, rank);
    std::array<hsize_t, 5> stored{};
    H5Sget_simple_extent_dims(space.id, stored.data(), nullptr);
    for (int i = 0; i < rank; ++i) {
        dims[static_cast<std::size_t>(5 - rank + i)] = stored[static_cast<std::size_t>(i)];
    }
    HostTensor tensor;
    tensor.shape = {static_cast<Index>(dims[0]), static_cast<Index>(dims[1]), static_cast<Index>(dims[2]),
                    static_cast<Index>(dims[3]), static_cast<Index>(dims[4])};
    tensor.dtype = DType::f64;
    tensor.values.resize(static_cast<std::size_t>(tensor.shape.volume()));
    herr_t const status = H5Dread(data.id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor.values.data());
    require(status >= 0, "golden {} {}: cannot read", file, dataset);
    return tensor;
}

std::vector<double> golden_attribute(std::string const& file, std::string const& group, std::string const& attribute) {
    Handle const handle(H5Fopen(path_of(file).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path_of(file));
    Handle const attr(H5Aopen_by_name(handle.id, group.c_str(), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                      file + "/" + group + "@" + attribute);
    Handle const space(H5Aget_space(attr.id), H5Sclose, attribute);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id)));
    require(H5Aread(attr.id, H5T_NATIVE_DOUBLE, values.data()) >= 0, "golden {} {}@{}: cannot read", file, group,
            attribute);
    return values;
}

std::vector<std::string> golden_cases(std::string const& file, std::string const& prefix) {
    Handle const handle(H5Fopen(path_of(file).c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose, path_of(file));
    std::vector<std::string> names;
    auto const collect = [](hid_t, char const* name, H5L_info_t const*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    H5Literate(handle.id, H5_INDEX_NAME, H5_ITER_INC, nullptr, collect, &names);
    std::erase_if(names, [&](std::string const& name) { return name.rfind(prefix, 0) != 0; });
    require(!names.empty(), "golden {}: no case begins with '{}'", file, prefix);
    return names;
}

}  // namespace aureole::test
