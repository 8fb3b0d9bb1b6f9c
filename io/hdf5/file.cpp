#include "io/hdf5/file.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "io/hdf5/library.hpp"

namespace aureole::hdf5 {

namespace {

namespace fs = std::filesystem;

std::size_t edit_distance(std::string const& a, std::string const& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            std::size_t const replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
        }
    }
    return row.back();
}

std::string leaf(std::string const& path) { return path.substr(path.rfind('/') + 1); }

std::string quoted_list(std::vector<std::string> const& names) {
    std::string text;
    for (std::string const& name : names) { text += fmt::format("{}'{}'", text.empty() ? "" : ", ", name); }
    return text;
}

std::string files_like(fs::path const& path) {
    std::vector<std::string> names;
    std::error_code error;
    fs::path const folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    for (auto const& entry : fs::directory_iterator(folder, error)) {
        names.push_back(entry.path().filename().string());
    }
    if (error) { return fmt::format("its folder cannot be read: {}", error.message()); }
    if (names.empty()) { return "its folder is empty"; }
    return "alike in its folder: " + quoted_list(names_like(path.filename().string(), names, 3));
}

/// External files are looked for beside the HDF5 file. The library refuses to open one dataset with two such settings
/// at a time, so only datasets with external files get it.
Handle open_dataset(hid_t group, std::string const& name, std::size_t cache_bytes) {
    Handle const access(H5Pcreate(H5P_DATASET_ACCESS));
    if (cache_bytes != 0) {
        constexpr std::size_t slots = 12421;
        H5Pset_chunk_cache(access.id(), slots, cache_bytes, H5D_CHUNK_CACHE_W0_DEFAULT);
    }
    Handle handle(H5Dopen2(group, name.c_str(), access.id()));
    if (handle.valid()) {
        Handle const plist(H5Dget_create_plist(handle.id()));
        if (H5Pget_external_count(plist.id()) <= 0) { return handle; }
        handle.release();
    }
    H5Pset_efile_prefix(access.id(), "${ORIGIN}");
    return Handle(H5Dopen2(group, name.c_str(), access.id()));
}

Handle open_any(hid_t group, std::string const& name) {
    Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT));
    return object.valid() ? std::move(object) : open_dataset(group, name, 0);
}

void collect_datasets(hid_t group, std::string const& prefix, int depth, std::vector<std::string>& names) {
    constexpr int deepest = 32;  // hard links can form cycles
    H5G_info_t info;
    if (depth > deepest || H5Gget_info(group, &info) < 0) { return; }
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        std::string name(1024, '\0');
        ssize_t const length =
            H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT);
        if (length < 0) { continue; }
        name.resize(std::min(name.size(), static_cast<std::size_t>(length)));
        Handle const object = open_any(group, name);
        if (!object.valid()) { continue; }  // a dangling link
        H5I_type_t const kind = H5Iget_type(object.id());
        if (kind == H5I_DATASET) { names.push_back(prefix + "/" + name); }
        if (kind == H5I_GROUP) { collect_datasets(object.id(), prefix + "/" + name, depth + 1, names); }
    }
}

Handle link_properties() {
    Handle plist(H5Pcreate(H5P_LINK_CREATE));
    H5Pset_create_intermediate_group(plist.id(), 1);
    return plist;
}

void set_filters(hid_t plist, DatasetSpec const& spec, std::string const& place) {
    if (spec.chunk.empty()) { return; }
    std::vector<hsize_t> const chunk(spec.chunk.begin(), spec.chunk.end());
    check(H5Pset_chunk(plist, static_cast<int>(chunk.size()), chunk.data()),
          fmt::format("cannot give {} chunks of {}", place, to_string(spec.chunk)), "choose another chunk");
    if (spec.shuffle) { H5Pset_shuffle(plist); }
    if (spec.deflate > 0) { H5Pset_deflate(plist, static_cast<unsigned>(spec.deflate)); }
    if (!spec.filter.empty()) {
        constexpr H5Z_filter_t lzf_number = 32000;
        require(spec.filter == "lzf", ExitCode::data_error, "{}: unknown filter '{}': only lzf can be named", place,
                spec.filter);
        check(H5Pset_filter(plist, lzf_number, H5Z_FLAG_OPTIONAL, 0, nullptr),
              fmt::format("cannot compress {} with lzf", place), filter_remedy(lzf_number));
    }
}

}  // namespace

std::vector<std::string> names_like(std::string const& wanted, std::vector<std::string> names, std::size_t count) {
    auto const distance = [&](std::string const& name) {
        return std::pair(edit_distance(leaf(name), leaf(wanted)), edit_distance(name, wanted));
    };
    std::sort(names.begin(), names.end(),
              [&](auto const& a, auto const& b) { return std::pair(distance(a), a) < std::pair(distance(b), b); });
    names.resize(std::min(names.size(), count));
    return names;
}

File File::open(std::string const& path) {
    std::error_code error;
    require(fs::exists(path, error), ExitCode::data_error,
            "file '{}' does not exist ({}): correct the name in the deck", path, files_like(path));
    require(fs::is_regular_file(path, error), ExitCode::data_error,
            "'{}' is not a regular file: name an HDF5 file or a pattern such as '{}/*.h5'", path, path);
    Lock const lock;
    Handle const access(H5Pcreate(H5P_FILE_ACCESS));
    H5Pset_file_locking(access.id(), true, true);  // some parallel file systems have no locks
    Handle handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()));
    if (!handle.valid()) {
        std::string const reason = last_reason();
        bool const truncated = reason.find("truncated") != std::string::npos;
        if (!truncated && H5Fis_hdf5(path.c_str()) == 0) {
            fail(ExitCode::data_error,
                 "'{}' is not an HDF5 file ({} bytes, no HDF5 signature): make one with "
                 "'aureole convert', or unpack it if it is compressed",
                 path, fs::file_size(path, error));
        }
        fail(ExitCode::data_error, "cannot open '{}' ({}): {}", path, reason,
             truncated ? "it is truncated, copy or download it again"
                       : "check its permissions and with 'h5dump -H' whether it is whole");
    }
    return {std::move(handle), path};
}

File File::create(std::string const& path) {
    Lock const lock;
    return create_with(path, Handle(H5Pcreate(H5P_FILE_ACCESS)).id());
}

File File::create_checked(std::string const& path) {
    Lock const lock;
    Handle const access(H5Pcreate(H5P_FILE_ACCESS));
#if H5_VERSION_GE(1, 10, 2)
    H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#else
    H5Pset_libver_bounds(access.id(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
#endif
    return create_with(path, access.id());
}

File File::create_with(std::string const& path, std::int64_t access) {
    H5Pset_file_locking(access, true, true);  // some parallel file systems have no locks
    H5Pset_sieve_buf_size(access, 0);         // small writes fail where they happen
    Handle handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
    check(handle.id(), fmt::format("cannot create '{}'", path),
          "check that its folder exists, may be written and has space");
    return {std::move(handle), path};
}

bool File::contains(std::string const& name) const {
    Lock const lock;
    std::string const path = name.empty() || name.front() != '/' ? "/" + name : name;
    // every link of the path is asked for: the library fails on "a/b" when there is no "a"
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        std::string const part = path.substr(0, end);
        if (part != "/" && H5Lexists(handle_.id(), part.c_str(), H5P_DEFAULT) <= 0) { return false; }
        if (end == std::string::npos) { return true; }
    }
}

std::vector<std::string> File::datasets() const {
    Lock const lock;
    std::vector<std::string> names;
    Handle const root(H5Gopen2(handle_.id(), "/", H5P_DEFAULT));
    collect_datasets(root.id(), "", 0, names);
    return names;
}

std::vector<std::string> File::members(std::string const& group) const {
    Lock const lock;
    Handle const object = open_object(group);
    H5G_info_t info;
    check(H5Gget_info(object.id(), &info), fmt::format("'{}' of '{}' is not a group", group, path_), "name a group");
    std::vector<std::string> names;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        ssize_t const length =
            H5Lget_name_by_idx(object.id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
        std::string name(static_cast<std::size_t>(std::max<ssize_t>(0, length)), '\0');
        H5Lget_name_by_idx(object.id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, name.data(), name.size() + 1, H5P_DEFAULT);
        names.push_back(name);
    }
    return names;
}

Dataset File::dataset(std::string const& name, std::size_t cache_bytes) const {
    Lock const lock;
    if (!contains(name)) {
        for (std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0; dot = name.rfind('.', dot - 1)) {
            std::string const record = name.substr(0, dot);
            if (!contains(record)) { continue; }
            Handle handle = open_dataset(handle_.id(), record, cache_bytes);
            if (handle.valid()) { return {std::move(handle), path_, record, name.substr(dot + 1)}; }
        }
        auto const names = names_like(name, datasets(), 8);
        fail(ExitCode::data_error, "'{}' has no dataset '{}' ({}): correct the dataset's name in the deck", path_, name,
             names.empty() ? "it has no datasets at all" : "it has " + quoted_list(names));
    }
    Handle handle = open_dataset(handle_.id(), name, cache_bytes);
    if (!handle.valid()) {
        std::string const reason = last_reason();
        auto const names = names_like(name, datasets(), 8);
        fail(ExitCode::data_error, "cannot open '{}' of '{}' as a dataset ({}): the file's datasets are {}", name,
             path_, reason, names.empty() ? "none" : quoted_list(names));
    }
    return {std::move(handle), path_, name};
}

Dataset File::create_dataset(std::string const& name, DatasetSpec const& spec) {
    Lock const lock;
    return create_of_type(name, spec, memory_type(spec.type));
}

Dataset File::create_dataset_like(std::string const& name, DatasetSpec const& spec, Dataset const& model) {
    return create_of_type(name, spec, model.stored_type_.id());
}

Dataset File::create_of_type(std::string const& name, DatasetSpec const& spec, std::int64_t type) {
    Lock const lock;
    std::string const place = fmt::format("'{}' of '{}'", name, path_);
    std::vector<hsize_t> const extents(spec.shape.begin(), spec.shape.end());
    Handle const space(extents.empty() ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
    Handle const links = link_properties(), properties(H5Pcreate(H5P_DATASET_CREATE));
    set_filters(properties.id(), spec, place);
    if (spec.has_place) {
        H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY);
        H5Pset_fill_time(properties.id(), H5D_FILL_TIME_NEVER);
    }
    Handle handle(H5Dcreate2(handle_.id(), name.c_str(), type, space.id(), links.id(), properties.id(), H5P_DEFAULT));
    check(handle.id(), fmt::format("cannot create {}", place), "choose a name that the file does not have yet");
    return {std::move(handle), path_, name};
}

void File::create_group(std::string const& name) {
    Lock const lock;
    if (name == "/" || contains(name)) { return; }
    Handle const links = link_properties();
    Handle const group(H5Gcreate2(handle_.id(), name.c_str(), links.id(), H5P_DEFAULT, H5P_DEFAULT));
    check(group.id(), fmt::format("cannot create group '{}' of '{}'", name, path_), "choose another name");
}

void File::close() {
    Lock const lock;
    if (!handle_.valid()) { return; }
    std::string const what = fmt::format("cannot write '{}'", path_);
    constexpr char const* remedy = "check the free space and the permissions of its folder";
    check(H5Fflush(handle_.id(), H5F_SCOPE_GLOBAL), what, remedy);
    check(H5Fclose(handle_.take()), what, remedy);
}

Handle File::open_object(std::string const& name) const {
    Handle object = open_any(handle_.id(), name);
    check(object.id(), fmt::format("'{}' has no object '{}'", path_, name), "name a group or dataset of the file");
    return object;
}

void File::require_volume(Dataset const& dataset, std::size_t values) {
    require(static_cast<std::size_t>(dataset.volume()) == values, "{}: {} values given for shape {}", dataset.place(),
            values, to_string(dataset.shape()));
}

std::string library_version() {
    Lock const lock;
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
#ifdef H5_HAVE_PARALLEL
    constexpr char const* flavour = "parallel";
#else
    constexpr char const* flavour = "serial";
#endif
    return fmt::format("{}.{}.{} ({})", major, minor, release, flavour);
}

}  // namespace aureole::hdf5
