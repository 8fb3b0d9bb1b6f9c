#include <algorithm>

#include "io/hdf5/file.hpp"
#include "io/hdf5/library.hpp"

namespace aureole::hdf5 {

namespace {

/// Text is written with a fixed length, so that any reader takes it and nothing has to be reclaimed.
void write_text(hid_t object, std::string const& key, std::vector<std::string> const& values, bool scalar) {
    std::size_t length = 1;
    for (std::string const& value : values) { length = std::max(length, value.size()); }
    std::vector<char> packed(length * values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        std::copy(values[i].begin(), values[i].end(), packed.begin() + static_cast<std::ptrdiff_t>(i * length));
    }
    Handle const type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.id(), length);
    H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
    hsize_t const count = values.size();
    Handle const space(scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr));
    Handle const attribute(H5Acreate2(object, key.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT));
    check(attribute.id(), fmt::format("cannot create attribute '{}'", key), "give it less than 64 KiB");
    if (!packed.empty()) { check(H5Awrite(attribute.id(), type.id(), packed.data()), "cannot write attribute", key); }
}

template <class T>
void write_numbers(hid_t object, std::string const& key, std::span<T const> values, bool scalar) {
    hsize_t const count = values.size();
    hid_t const type = memory_type(type_of<T>);
    Handle const space(scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr));
    Handle const attribute(H5Acreate2(object, key.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT));
    check(attribute.id(), fmt::format("cannot create attribute '{}'", key), "give it less than 64 KiB");
    if (!values.empty()) { check(H5Awrite(attribute.id(), type, values.data()), "cannot write attribute", key); }
}

struct Writer {
    hid_t object;
    std::string const& key;
    void operator()(std::int64_t value) const { write_numbers<std::int64_t>(object, key, {&value, 1}, true); }
    void operator()(double value) const { write_numbers<double>(object, key, {&value, 1}, true); }
    void operator()(std::string const& value) const { write_text(object, key, {value}, true); }
    void operator()(std::vector<std::int64_t> const& v) const { write_numbers<std::int64_t>(object, key, v, false); }
    void operator()(std::vector<double> const& values) const { write_numbers<double>(object, key, values, false); }
    void operator()(std::vector<std::string> const& values) const { write_text(object, key, values, false); }
};

std::vector<std::string> read_text(hid_t attribute, hid_t type, std::size_t count) {
    std::vector<std::string> values;
    if (H5Tis_variable_str(type) > 0) {
        std::vector<char*> pointers(count, nullptr);
        H5Aread(attribute, type, pointers.data());
        for (char* const pointer : pointers) {
            values.emplace_back(pointer == nullptr ? "" : pointer);
            H5free_memory(pointer);
        }
        return values;
    }
    std::size_t const length = H5Tget_size(type);
    std::vector<char> packed(length * count);
    H5Aread(attribute, type, packed.data());
    for (std::size_t i = 0; i < count; ++i) {
        char const* const begin = packed.data() + i * length;
        std::string value(begin, std::find(begin, begin + length, '\0'));
        if (H5Tget_strpad(type) == H5T_STR_SPACEPAD) { value.resize(value.find_last_not_of(' ') + 1); }
        values.push_back(value);
    }
    return values;
}

template <class T>
Attribute pack(std::vector<T> values, bool scalar) {
    if (scalar) { return values.front(); }
    return values;
}

template <class T>
Attribute read_numbers(hid_t attribute, std::size_t count, bool scalar) {
    std::vector<T> values(count);
    H5Aread(attribute, memory_type(type_of<T>), values.data());
    return pack(std::move(values), scalar);
}

}  // namespace

void File::set_attribute(std::string const& object, std::string const& key, Attribute const& value) {
    Lock const lock;
    Handle const target = open_object(object);
    if (H5Aexists(target.id(), key.c_str()) > 0) { H5Adelete(target.id(), key.c_str()); }
    std::visit(Writer{target.id(), key}, value);
}

std::optional<Attribute> File::attribute(std::string const& object, std::string const& key) const {
    Lock const lock;
    Handle const target = open_object(object);
    if (H5Aexists(target.id(), key.c_str()) <= 0) { return std::nullopt; }
    Handle const attribute(H5Aopen(target.id(), key.c_str(), H5P_DEFAULT));
    Handle const type(H5Aget_type(attribute.id())), space(H5Aget_space(attribute.id()));
    hssize_t const count = H5Sget_simple_extent_npoints(space.id());
    bool const scalar = H5Sget_simple_extent_type(space.id()) == H5S_SCALAR;
    std::string const place = fmt::format("attribute '{}' of '{}' in '{}'", key, object, path_);
    check(count, fmt::format("cannot read {}", place), "check the file with 'h5dump -A'");
    auto const values = static_cast<std::size_t>(count);
    if (H5Tget_class(type.id()) == H5T_STRING) { return pack(read_text(attribute.id(), type.id(), values), scalar); }
    Type const kind = classify(type.id());
    require(kind != Type::other && !is_complex(kind), ExitCode::data_error,
            "{} is neither text nor number: write it anew", place);
    if (is_integer(kind)) { return read_numbers<std::int64_t>(attribute.id(), values, scalar); }
    return read_numbers<double>(attribute.id(), values, scalar);
}

void File::copy_attributes(File const& from, std::string const& from_object, std::string const& object) {
    Lock const lock;
    Handle const source = from.open_object(from_object), target = open_object(object);
    for (unsigned i = 0;; ++i) {
        Handle const attribute(
            H5Aopen_by_idx(source.id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT));
        if (!attribute.valid()) { break; }
        std::string key(static_cast<std::size_t>(H5Aget_name(attribute.id(), 0, nullptr)), '\0');
        H5Aget_name(attribute.id(), key.size() + 1, key.data());
        Handle const type(H5Aget_type(attribute.id())), space(H5Aget_space(attribute.id()));
        auto const count = static_cast<std::size_t>(std::max<hssize_t>(0, H5Sget_simple_extent_npoints(space.id())));
        bool const variable_text = H5Tis_variable_str(type.id()) > 0;
        if (!variable_text && H5Tdetect_class(type.id(), H5T_VLEN) > 0) { continue; }
        if (!variable_text && H5Tdetect_class(type.id(), H5T_REFERENCE) > 0) { continue; }
        std::vector<unsigned char> bytes(count * H5Tget_size(type.id()));
        if (count != 0 && H5Aread(attribute.id(), type.id(), bytes.data()) < 0) { continue; }
        if (H5Aexists(target.id(), key.c_str()) > 0) { H5Adelete(target.id(), key.c_str()); }
        Handle const copy(H5Acreate2(target.id(), key.c_str(), type.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT));
        check(copy.id(), fmt::format("cannot create attribute '{}' in '{}'", key, path_), "check the free space");
        if (count != 0) { H5Awrite(copy.id(), type.id(), bytes.data()); }
        if (variable_text && count != 0) {
            for (std::size_t k = 0; k < count; ++k) { H5free_memory(reinterpret_cast<char**>(bytes.data())[k]); }
        }
    }
}

}  // namespace aureole::hdf5
