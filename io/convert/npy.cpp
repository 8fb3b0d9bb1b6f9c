#include "io/convert/npy.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>

#include "core/error.hpp"
#include "core/tensor/extent.hpp"
#include "io/convert/byte_order.hpp"
#include "io/convert/convert.hpp"
#include "io/convert/sample_writer.hpp"
#include "io/file/link.hpp"

namespace aureole::convert {

namespace {

std::map<std::string, hdf5::Type> const& element_types() {
    using hdf5::Type;
    static std::map<std::string, Type> const types{
        {"u1", Type::u8},  {"i1", Type::i8},      {"u2", Type::u16},      {"i2", Type::i16}, {"u4", Type::u32},
        {"i4", Type::i32}, {"u8", Type::u64},     {"i8", Type::i64},      {"f2", Type::f16}, {"f4", Type::f32},
        {"f8", Type::f64}, {"b1", Type::boolean}, {"c8", Type::complex32}};
    return types;
}

/// The text of a value in the header's dictionary: between "'key':" and the next comma or brace outside parentheses.
std::optional<std::string> value_of(std::string const& header, std::string const& key) {
    std::size_t begin = header.find("'" + key + "'");
    if (begin == std::string::npos) { return std::nullopt; }
    begin = header.find(':', begin);
    if (begin == std::string::npos) { return std::nullopt; }
    int depth = 0;
    std::string text;
    for (std::size_t i = begin + 1; i < header.size(); ++i) {
        char const letter = header[i];
        depth += (letter == '(' || letter == '[') - (letter == ')' || letter == ']');
        if (depth == 0 && (letter == ',' || letter == '}')) { return text; }
        if (letter != ' ') { text += letter; }
    }
    return std::nullopt;
}

}  // namespace

NpyFile::NpyFile(std::string const& path) : path_(path) {
    int const descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) { require_link_target(path); }
    require(descriptor >= 0, ExitCode::data_error, "cannot open '{}' ({}): correct the name", path,
            std::strerror(errno));
    struct stat status {};
    bool const known = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    map_bytes_ = known ? static_cast<std::size_t>(status.st_size) : 0;
    void* const map = map_bytes_ == 0 ? MAP_FAILED : mmap(nullptr, map_bytes_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    require(map != MAP_FAILED, ExitCode::data_error, "cannot read '{}' (empty, or no regular file): name another",
            path);
    map_ = static_cast<unsigned char const*>(map);
    try {
        bool const magic = map_bytes_ >= 12 && std::memcmp(map_, "\x93NUMPY", 6) == 0 && map_[6] >= 1 && map_[6] <= 3;
        require(magic, ExitCode::data_error,
                "'{}' is not a .npy file (or of an unknown version): write it with numpy.save", path);
        std::size_t const wide = map_[6] == 1 ? 2 : 4;  // bytes of the header's length
        std::size_t length = 0;
        for (std::size_t i = 0; i < wide; ++i) { length |= static_cast<std::size_t>(map_[8 + i]) << 8 * i; }
        data_ = 8 + wide + length;
        require(data_ <= map_bytes_, ExitCode::data_error,
                "'{}' ends within its header: it is truncated, copy it again", path);
        parse_header(std::string(reinterpret_cast<char const*>(map_) + 8 + wide, length));
        Extent promised = static_cast<Index>(size_of(type_));
        for (Index const extent : shape_) { promised = promised * extent; }
        std::optional<Index> const needed = (promised + static_cast<Index>(data_)).known();
        require(needed.has_value(), ExitCode::data_error,
                "'{}' has {} bytes, its header promises an array of shape {} (more bytes than can be counted): it is "
                "damaged, copy it again",
                path, map_bytes_, hdf5::to_string(shape_));
        require(static_cast<std::size_t>(*needed) == map_bytes_, ExitCode::data_error,
                "'{}' has {} bytes, its header promises {}: it is truncated or damaged, copy it again", path,
                map_bytes_, *needed);
    } catch (...) {
        munmap(const_cast<unsigned char*>(map_), map_bytes_);
        throw;
    }
}

NpyFile::~NpyFile() { munmap(const_cast<unsigned char*>(map_), map_bytes_); }

void NpyFile::parse_header(std::string const& header) {
    auto const descr = value_of(header, "descr"), order = value_of(header, "fortran_order"),
               shape = value_of(header, "shape");
    require(descr && order && shape, ExitCode::data_error, "'{}' has a damaged header: write it again with numpy.save",
            path_);
    bool const simple = descr->size() >= 5 && descr->front() == '\'';
    auto const found = simple ? element_types().find(descr->substr(2, descr->size() - 3)) : element_types().end();
    require(found != element_types().end(), ExitCode::data_error,
            "'{}' holds elements of type {}: save integers, booleans, float16 to float64 or complex64", path_, *descr);
    type_ = found->second;
    swapped_ = (*descr)[1] == (std::endian::native == std::endian::little ? '>' : '<');
    fortran_ = *order == "True";
    for (char const *at = shape->data(), *const end = at + shape->size(); at < end;) {
        Index extent = 0;
        auto const [next, error] = std::from_chars(at, end, extent);
        require(
            error != std::errc::result_out_of_range && (error != std::errc() || extent > 0), ExitCode::data_error,
            "'{}' is of shape {} by its header (extents are 1 to 2^63 - 1): it holds no samples or is damaged, write "
            "it again with numpy.save",
            path_, *shape);
        if (error == std::errc()) { shape_.push_back(extent); }
        at = error == std::errc() ? next : at + 1;
    }
    require(!shape_.empty(), ExitCode::data_error, "'{}' holds a single number: save an array of samples", path_);
}

std::size_t NpyFile::sample_bytes() const {
    std::size_t bytes = size_of(type_);
    for (std::size_t i = 1; i < shape_.size(); ++i) { bytes *= static_cast<std::size_t>(shape_[i]); }
    return bytes;
}

void NpyFile::read(Index first, Index count, std::vector<unsigned char>& out) const {
    std::size_t const element = size_of(type_), sample = sample_bytes();
    out.resize(static_cast<std::size_t>(count) * sample);
    unsigned char const* const data = map_ + data_;
    if (!fortran_) {
        std::memcpy(out.data(), data + static_cast<std::size_t>(first) * sample, out.size());
    } else {
        // the first axis is the fastest: runs of it are contiguous, one for every place within a sample
        std::vector<Index> place(shape_.size(), 0);  // place[0] is not used
        std::size_t const places = element == 0 ? 0 : sample / element;
        for (std::size_t c_order = 0; c_order < places; ++c_order) {
            Index offset = 0;
            for (std::size_t axis = shape_.size(); axis-- > 1;) { offset = offset * shape_[axis] + place[axis]; }
            unsigned char const* const run = data + static_cast<std::size_t>(offset * shape_[0] + first) * element;
            for (Index n = 0; n < count; ++n) {
                std::memcpy(out.data() + static_cast<std::size_t>(n) * sample + c_order * element,
                            run + static_cast<std::size_t>(n) * element, element);
            }
            for (std::size_t axis = shape_.size() - 1; axis >= 1 && ++place[axis] == shape_[axis]; --axis) {
                place[axis] = 0;
            }
        }
    }
    if (swapped_) { swap_bytes(out, type_ == hdf5::Type::complex32 ? element / 2 : element); }
}

Summary convert_npy(std::string const& images, std::string const& labels, Output const& output,
                    Progress const& progress) {
    constexpr std::size_t block_bytes = std::size_t{4} << 20U;
    NpyFile const x(images);
    std::optional<NpyFile> y;
    std::vector<std::string> sources{images};
    if (!labels.empty()) {
        y.emplace(labels);
        sources.push_back(labels);
        require(x.shape()[0] == y->shape()[0], ExitCode::data_error,
                "'{}' has shape {}, '{}' {}: the first axis must count the same samples", images,
                hdf5::to_string(x.shape()), labels, hdf5::to_string(y->shape()));
    }
    SampleWriter writer(output, "npy", sources);
    writer.create_x(x.type(), x.shape());
    if (y) { writer.create_y(y->type(), y->shape(), {}); }
    Index const total = x.shape()[0];
    Index const block =
        std::max<Index>(1, static_cast<Index>(block_bytes / std::max<std::size_t>(1, x.sample_bytes())));
    std::vector<unsigned char> buffer;
    for (Index done = 0; done < total;) {
        Index const count = std::min(block, total - done);
        x.read(done, count, buffer);
        writer.append_x(count, buffer.data());
        if (y) {
            y->read(done, count, buffer);
            writer.append_y(count, buffer.data());
        }
        done += count;
        progress(done, total);
    }
    return writer.finish();
}

}  // namespace aureole::convert
