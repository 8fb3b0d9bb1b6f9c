#include "unit_tests/support/device_buffer.hpp"

#include <gtest/gtest.h>

#include "core/tensor/alignment.hpp"

namespace aureole::test {

DeviceBuffer::DeviceBuffer(std::size_t bytes) : arena_(block_bytes(bytes, red_zone) + red_zone, Arena::Guard::on) {
    zero(arena_.tensor(0, DType::u8, {1, 1, 1, 1, static_cast<Index>(arena_.bytes())}));
    arena_.guard()->keep(red_zone, bytes, "the buffer");
}

void DeviceBuffer::expect_intact(std::string const& by) const {
    EXPECT_NO_THROW(arena_.guard()->check([&by] { return by; }));
}

void DeviceBuffer::upload(HostTensor const& from) const { write_values(from.values, {data(), from.dtype, from.shape}); }

HostTensor DeviceBuffer::download() const { return {shape_, dtype_, read_values(tensor())}; }

Arena filled_arena(std::size_t bytes, std::byte fill) {
    Arena arena(bytes, guard_by_default() ? Arena::Guard::on : Arena::Guard::off);
    std::vector<std::byte> const values(bytes, fill);
    copy_to_device(values.data(), arena.tensor(0, DType::u8, {1, 1, 1, 1, static_cast<Index>(bytes)}));
    return arena;
}

}  // namespace aureole::test
