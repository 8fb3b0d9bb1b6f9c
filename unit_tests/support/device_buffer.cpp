#include "unit_tests/support/device_buffer.hpp"

namespace aureole::test {

DeviceBuffer::DeviceBuffer(std::size_t bytes) : arena_(std::max<std::size_t>(bytes, 64)) {
    zero(arena_.tensor(0, DType::u8, {1, 1, 1, 1, static_cast<Index>(arena_.bytes())}));
}

void DeviceBuffer::upload(HostTensor const& from) const { write_values(from.values, {data(), from.dtype, from.shape}); }

HostTensor DeviceBuffer::download() const { return {shape_, dtype_, read_values(tensor())}; }

}  // namespace aureole::test
