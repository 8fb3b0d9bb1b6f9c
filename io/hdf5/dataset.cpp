#include "io/hdf5/dataset.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

#include "io/hdf5/library.hpp"

namespace aureole::hdf5 {

namespace {

constexpr char const* no_room = "check the free space and the permissions of its folder";
constexpr char const* damaged = "check the file with 'h5dump -H', copy or download it again";

std::vector<hsize_t> to_hsize(std::span<Index const> values) { return {values.begin(), values.end()}; }

}  // namespace

std::string to_string(Extents const& extents) {
    std::string text = "(";
    for (std::size_t i = 0; i < extents.size(); ++i) { text += fmt::format("{}{}", i == 0 ? "" : ", ", extents[i]); }
    return text + ")";
}

Dataset::Dataset(Handle handle, std::string file, Reach reach, std::string name, std::string const& field)
    : handle_(std::move(handle)),
      file_(std::move(file)),
      reach_(std::move(reach)),
      name_(std::move(name)),
      field_(field) {
    Lock const lock;
    stored_type_ = Handle(H5Dget_type(handle_.id()));
    check(stored_type_.id(), fmt::format("cannot read the type of {}", place()), damaged);
    type_ = classify(stored_type_.id());
    if (!field_.empty()) {
        int const member = H5Tget_member_index(stored_type_.id(), field_.c_str());
        check(member, fmt::format("{} has no such field", place()), "name one of its fields: " + fields());
        Handle const part(H5Tget_member_type(stored_type_.id(), static_cast<unsigned>(member)));
        type_ = classify(part.id());
        require(!is_complex(type_), ExitCode::data_error,
                "{} is a complex number within a record (only single numbers of a record are read): write it as a "
                "dataset of its own",
                place());
    }
    stored_element_bytes_ = H5Tget_size(stored_type_.id());
    Handle const space(H5Dget_space(handle_.id()));
    int const rank = H5Sget_simple_extent_ndims(space.id());
    check(rank, fmt::format("cannot read the shape of {}", place()), damaged);
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr);
    shape_.assign(extents.begin(), extents.end());
    Index bytes = static_cast<Index>(std::max<std::size_t>(1, stored_element_bytes_));
    for (Index const extent : shape_) {
        if (extent == 0) { break; }
        require(extent > 0 && !__builtin_mul_overflow(bytes, extent, &bytes), ExitCode::data_error,
                "{} cannot be of shape {} (no file holds so many bytes): the file is damaged, copy or make it again",
                place(), to_string(shape_));
    }
    Handle const plist(H5Dget_create_plist(handle_.id()));
    check(plist.id(), fmt::format("cannot read the storage of {}", place()), damaged);
    inspect_storage(plist.id());
}

void Dataset::inspect_storage(std::int64_t plist) {
    if (H5Pget_layout(plist) == H5D_CHUNKED) {
        std::vector<hsize_t> chunk(shape_.size());
        H5Pget_chunk(plist, static_cast<int>(chunk.size()), chunk.data());
        chunk_.assign(chunk.begin(), chunk.end());
    }
    int const filters = H5Pget_nfilters(plist);
    for (int i = 0; i < filters; ++i) {
        std::array<char, 64> stored_name{};
        std::size_t values = 0;
        unsigned flags = 0;
        H5Z_filter_t const number = H5Pget_filter2(plist, static_cast<unsigned>(i), &flags, &values, nullptr,
                                                   stored_name.size(), stored_name.data(), nullptr);
        std::string name = known_filter_name(number);
        if (name.empty()) { name = stored_name[0] == '\0' ? "unknown" : stored_name.data(); }
        filters_.push_back({number, name, H5Zfilter_avail(number) > 0});
    }
    if (H5Pget_layout(plist) == H5D_VIRTUAL) { require_sources_within_reach(plist); }
    int const external_files = H5Pget_external_count(plist);
    if (external_files > 0) {
        external_ = true;
        inspect_external(plist, external_files);
    }
}

/// The library fills what it cannot find in an external file with zeros, so a short or absent one is looked for here.
void Dataset::inspect_external(std::int64_t plist, int files) const {
    auto remaining = static_cast<std::uint64_t>(volume()) * stored_element_bytes_;
    std::filesystem::path const folder = std::filesystem::path(holder()).parent_path();
    for (int i = 0; i < files && remaining > 0; ++i) {
        std::array<char, 4096> name{};
        off_t offset = 0;
        hsize_t size = 0;
        H5Pget_external(plist, static_cast<unsigned>(i), name.size() - 1, name.data(), &offset, &size);
        std::filesystem::path const raw = folder / name.data();
        reach_.require(place() + " lies in external storage", name.data(), raw.string());
        std::error_code error;
        std::uint64_t const present = std::filesystem::file_size(raw, error);
        require(!error, ExitCode::data_error,
                "{} lies in the external file '{}', which cannot be opened ({}): put it beside the HDF5 file", place(),
                raw.string(), error.message());
        std::uint64_t const needed = std::min<std::uint64_t>(remaining, size);
        require(static_cast<std::uint64_t>(offset) + needed <= present, ExitCode::data_error,
                "external file '{}' of {} is truncated ({} bytes, {} needed): copy it again", raw.string(), place(),
                present, static_cast<std::uint64_t>(offset) + needed);
        remaining -= needed;
    }
}

Index Dataset::volume() const { return std::accumulate(shape_.begin(), shape_.end(), Index{1}, std::multiplies<>()); }

std::int64_t Dataset::offset() const {
    Lock const lock;
    haddr_t const address = H5Dget_offset(handle_.id());
    require(address != HADDR_UNDEF || volume() == 0, ExitCode::data_error, "{} has no place in its file: report it",
            place());
    return volume() == 0 ? 0 : static_cast<std::int64_t>(address);
}

std::string Dataset::place() const {
    return fmt::format("'{}{}{}' of '{}'", name_, field_.empty() ? "" : ".", field_, file_);
}

void Dataset::require_filters(bool writing) const {
    for (Filter const& filter : filters_) {
        if (filter.available) { continue; }
        fail(ExitCode::data_error, "cannot {} {} (its filter {}, number {}, is not available): {}",
             writing ? "write" : "read", place(), filter.name, filter.number, filter_remedy(filter.number));
    }
}

void Dataset::transfer(bool writing, std::span<Index const> offset, std::span<Index const> count, std::int64_t memory,
                       void* data) const {
    // messages are put together only when they are needed: this runs once per sample
    if (offset.size() != shape_.size() || count.size() != shape_.size()) {
        fail(ExitCode::data_error, "{} has shape {}, {} axes were asked for: name its axes in the deck", place(),
             to_string(shape_), count.size());
    }
    for (std::size_t i = 0; i < shape_.size(); ++i) {
        if (offset[i] < 0 || count[i] < 0 || offset[i] + count[i] > shape_[i]) {
            fail(ExitCode::data_error,
                 "{}: range [{}, {}) of axis {} lies outside its shape {}: check the sizes in the deck", place(),
                 offset[i], offset[i] + count[i], i, to_string(shape_));
        }
    }
    if (std::find(count.begin(), count.end(), 0) != count.end()) { return; }
    require_filters(writing);
    Lock const lock;
    Handle memory_space, file_space;
    hid_t memory_id = H5S_ALL, file_id = H5S_ALL;
    if (!shape_.empty()) {
        std::vector<hsize_t> const start = to_hsize(offset), extent = to_hsize(count);
        memory_space = Handle(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr));
        file_space = Handle(H5Dget_space(handle_.id()));
        H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, start.data(), nullptr, extent.data(), nullptr);
        memory_id = memory_space.id();
        file_id = file_space.id();
    }
    herr_t const status = writing ? H5Dwrite(handle_.id(), memory, memory_id, file_id, H5P_DEFAULT, data)
                                  : H5Dread(handle_.id(), memory, memory_id, file_id, H5P_DEFAULT, data);
    if (status >= 0) { return; }
    check(status, fmt::format("cannot {} {}", writing ? "write" : "read", place()), writing ? no_room : damaged);
}

void Dataset::read(std::span<Index const> offset, std::span<Index const> count, Type memory, void* out) const {
    bool const fits = type_ != Type::other && is_complex(type_) == is_complex(memory);
    if (!fits) {
        fail(ExitCode::data_error, "{} holds {} data, which cannot be read as {}: choose another dataset", place(),
             name_of(type_), name_of(memory));
    }
    Lock const lock;
    Handle const type = memory_type_of(memory);
    transfer(false, offset, count, type.id(), out);
}

Handle Dataset::memory_type_of(Type memory) const {
    if (is_complex(type_)) {
        return complex_memory_type(stored_type_.id(), memory_type(memory == Type::complex32 ? Type::f32 : Type::f64));
    }
    // booleans are read as their integer base: any enumeration converts to any number
    hid_t const number = memory_type(memory == Type::boolean ? Type::i8 : memory);
    if (field_.empty()) { return Handle(H5Tcopy(number)); }
    Handle record(H5Tcreate(H5T_COMPOUND, H5Tget_size(number)));  // the library matches fields by name
    H5Tinsert(record.id(), field_.c_str(), 0, number);
    return record;
}

std::string Dataset::fields() const {
    Lock const lock;
    bool const record = H5Tget_class(stored_type_.id()) == H5T_COMPOUND && !is_complex(type_);
    return record ? list_fields(stored_type_.id()) : "";
}

void Dataset::read_stored(std::span<Index const> offset, std::span<Index const> count, void* out) const {
    transfer(false, offset, count, stored_type_.id(), out);
}

void Dataset::write(std::span<Index const> offset, std::span<Index const> count, Type memory, void const* data) {
    Lock const lock;
    transfer(true, offset, count, memory_type(memory), const_cast<void*>(data));
}

void Dataset::close() {
    Lock const lock;
    if (!handle_.valid()) { return; }
    check(H5Dclose(handle_.take()), fmt::format("cannot write {}", place()), no_room);
}

void Dataset::write_stored(std::span<Index const> offset, std::span<Index const> count, void const* data) {
    transfer(true, offset, count, stored_type_.id(), const_cast<void*>(data));
}

}  // namespace aureole::hdf5
