#include "unit_tests/support/device_buffer.hpp"

#include <cstring>

namespace aureole::test {

namespace {

template <class T>
void encode(std::vector<double> const& values, std::vector<std::byte>& bytes) {
    bytes.resize(values.size() * sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
        T const value = static_cast<T>(values[i]);
        std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
}

template <class T>
void decode(std::vector<std::byte> const& bytes, std::vector<double>& values) {
    values.resize(bytes.size() / sizeof(T));
    for (std::size_t i = 0; i < values.size(); ++i) {
        T value;
        std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
        values[i] = static_cast<double>(value);
    }
}

using HostBytes = Kokkos::View<std::byte*, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
using DeviceBytes = Kokkos::View<std::byte*, Execution::memory_space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

}  // namespace

void DeviceBuffer::upload(HostTensor const& from) const {
    std::vector<std::byte> bytes;
    switch (from.dtype) {
        case DType::f64: encode<double>(from.values, bytes); break;
        case DType::f32: encode<float>(from.values, bytes); break;
        case DType::bf16: encode<BFloat16>(from.values, bytes); break;
        case DType::i32: encode<std::int32_t>(from.values, bytes); break;
        case DType::u8: encode<std::uint8_t>(from.values, bytes); break;
    }
    Kokkos::deep_copy(DeviceBytes(data(), bytes.size()), HostBytes(bytes.data(), bytes.size()));
}

HostTensor DeviceBuffer::download() const {
    Kokkos::fence();
    std::vector<std::byte> bytes(tensor().bytes());
    Kokkos::deep_copy(HostBytes(bytes.data(), bytes.size()), DeviceBytes(data(), bytes.size()));
    HostTensor result{shape_, dtype_, {}};
    switch (dtype_) {
        case DType::f64: decode<double>(bytes, result.values); break;
        case DType::f32: decode<float>(bytes, result.values); break;
        case DType::bf16: decode<BFloat16>(bytes, result.values); break;
        case DType::i32: decode<std::int32_t>(bytes, result.values); break;
        case DType::u8: decode<std::uint8_t>(bytes, result.values); break;
    }
    return result;
}

}  // namespace aureole::test
