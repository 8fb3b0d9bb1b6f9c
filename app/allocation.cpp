// The program's operator new: what the standard demands of it, but its exception says how much was asked for.
#include "app/allocation.hpp"

#include <cstdlib>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // sanitizers have their own

void* operator new(std::size_t bytes) {
    for (;;) {
        if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) { return memory; }
        std::new_handler const make_room = std::get_new_handler();
        if (make_room == nullptr) { throw aureole::AllocationFailure(bytes); }
        make_room();
    }
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }

#endif
