#include "io/hdf5/library.hpp"

#include <utility>

namespace aureole::hdf5 {

namespace {

std::recursive_mutex& library_mutex() {
    static std::recursive_mutex mutex;
    return mutex;
}

/// "file write failed: time = ..., errno = 28, error message = 'No space left on device', ...": what the system said.
std::string without_details(std::string const& text) {
    static constexpr std::string_view head = ": time =", message = "error message = '";
    auto const end = text.find(head), begin = text.find(message);
    if (end == std::string::npos || begin == std::string::npos) { return text; }
    std::string const said = text.substr(begin + message.size());
    return text.substr(0, end) + ": " + said.substr(0, said.find('\''));
}

herr_t keep_innermost(unsigned depth, H5E_error2_t const* error, void* text) {
    if (depth == 0 && error->desc != nullptr) { *static_cast<std::string*>(text) = without_details(error->desc); }
    return 0;
}

/// IEEE half precision, little-endian as in the file format; the library converts it from and to the other floats.
hid_t make_half() {
    hid_t const type = H5Tcopy(H5T_NATIVE_FLOAT);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

hid_t make_boolean() {
    hid_t const type = H5Tenum_create(H5T_NATIVE_INT8);
    std::int8_t value = 0;
    H5Tenum_insert(type, "FALSE", &value);
    value = 1;
    H5Tenum_insert(type, "TRUE", &value);
    return type;
}

hid_t make_complex(std::string const& real, std::string const& imaginary, hid_t part) {
    std::size_t const size = H5Tget_size(part);
    hid_t const type = H5Tcreate(H5T_COMPOUND, 2 * size);
    H5Tinsert(type, real.c_str(), 0, part);
    H5Tinsert(type, imaginary.c_str(), size, part);
    return type;
}

std::string member_name(hid_t compound, unsigned index) {
    char* const text = H5Tget_member_name(compound, index);
    std::string name = text == nullptr ? "" : text;
    H5free_memory(text);
    return name;
}

Type classify_integer(hid_t type) {
    bool const with_sign = H5Tget_sign(type) == H5T_SGN_2;
    switch (H5Tget_size(type)) {
        case 1: return with_sign ? Type::i8 : Type::u8;
        case 2: return with_sign ? Type::i16 : Type::u16;
        case 4: return with_sign ? Type::i32 : Type::u32;
        case 8: return with_sign ? Type::i64 : Type::u64;
        default: return Type::other;
    }
}

Type classify_enumeration(hid_t type) {
    Handle const base(H5Tget_super(type));
    std::int8_t values[2] = {-1, -1};
    bool const boolean =
        H5Tget_nmembers(type) == 2 && H5Tget_size(type) == 1 && H5Tget_member_value(type, 0, &values[0]) >= 0 &&
        H5Tget_member_value(type, 1, &values[1]) >= 0 && values[0] + values[1] == 1 && values[0] * values[1] == 0;
    return boolean ? Type::boolean : classify_integer(base.id());
}

/// Complex numbers are told by the names of their parts: any other record of two numbers means something else.
Type classify_compound(hid_t type) {
    using Names = std::pair<std::string, std::string>;
    if (H5Tget_nmembers(type) != 2) { return Type::other; }
    Names const names{member_name(type, 0), member_name(type, 1)};
    if (names != Names{"r", "i"} && names != Names{"real", "imag"} && names != Names{"re", "im"}) {
        return Type::other;
    }
    Handle const real(H5Tget_member_type(type, 0)), imaginary(H5Tget_member_type(type, 1));
    if (H5Tget_class(real.id()) != H5T_FLOAT || H5Tequal(real.id(), imaginary.id()) <= 0) { return Type::other; }
    return H5Tget_size(real.id()) <= sizeof(float) ? Type::complex32 : Type::complex64;
}

}  // namespace

Lock::Lock() : hold_(library_mutex()) {
    // After a close that failed the library would close once more at the exit of the process, and crash.
    static bool const leaves_exit_alone = (H5dont_atexit(), true);
    static_cast<void>(leaves_exit_alone);
    // The error stack belongs to the thread where the library is thread-safe, so this is asked for every time.
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    static bool const prepared = (register_lzf(), true);
    static_cast<void>(prepared);
}

void Handle::release() noexcept {
    if (id_ < 0) { return; }
    Lock const lock;
    H5Idec_ref(std::exchange(id_, -1));
}

std::string last_reason() {
    std::string text = "no reason given by the HDF5 library";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &text);
    H5Eclear2(H5E_DEFAULT);
    return text;
}

void check(std::int64_t status, std::string const& what, std::string const& remedy) {
    if (status < 0) { fail(ExitCode::data_error, "{} ({}): {}", what, last_reason(), remedy); }
}

hid_t memory_type(Type type) {
    static hid_t const half = make_half(), boolean = make_boolean(), complex = make_complex("r", "i", H5T_NATIVE_FLOAT),
                       wide_complex = make_complex("r", "i", H5T_NATIVE_DOUBLE);
    switch (type) {
        case Type::u8: return H5T_NATIVE_UINT8;
        case Type::i8: return H5T_NATIVE_INT8;
        case Type::u16: return H5T_NATIVE_UINT16;
        case Type::i16: return H5T_NATIVE_INT16;
        case Type::u32: return H5T_NATIVE_UINT32;
        case Type::i32: return H5T_NATIVE_INT32;
        case Type::u64: return H5T_NATIVE_UINT64;
        case Type::i64: return H5T_NATIVE_INT64;
        case Type::f16: return half;
        case Type::f32: return H5T_NATIVE_FLOAT;
        case Type::f64: return H5T_NATIVE_DOUBLE;
        case Type::boolean: return boolean;
        case Type::complex32: return complex;
        case Type::complex64: return wide_complex;
        case Type::other: break;
    }
    fail(ExitCode::internal, "HDF5: no memory type for '{}'", name_of(type));
}

Type classify(hid_t type) {
    switch (H5Tget_class(type)) {
        case H5T_INTEGER: return classify_integer(type);
        case H5T_ENUM: return classify_enumeration(type);
        case H5T_COMPOUND: return classify_compound(type);
        case H5T_FLOAT: {
            std::size_t const size = H5Tget_size(type);
            if (size == 2) { return Type::f16; }
            return size == 4 ? Type::f32 : Type::f64;  // wider floats lose digits in f64, nothing else
        }
        default: return Type::other;
    }
}

Handle complex_memory_type(hid_t stored, hid_t part) {
    return Handle(make_complex(member_name(stored, 0), member_name(stored, 1), part));
}

std::string list_fields(hid_t compound) {
    std::string text;
    int const members = H5Tget_nmembers(compound);
    for (int i = 0; i < members; ++i) {
        auto const index = static_cast<unsigned>(i);
        Handle const type(H5Tget_member_type(compound, index));
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", member_name(compound, index),
                            name_of(classify(type.id())));
    }
    return text;
}

}  // namespace aureole::hdf5
