# Chosen by the presets: a compiler cache and a fast linker, where this machine has them. Read before the compilers are.
find_program(AUREOLE_CCACHE ccache)
if(AUREOLE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${AUREOLE_CCACHE}" CACHE STRING "Program that starts the compiler")
endif()
if(NOT AUREOLE_CUDA)  # nvcc would hand the flag to its own host link step
  find_program(AUREOLE_LINKER NAMES mold ld.lld)
  if(AUREOLE_LINKER MATCHES "mold")
    set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=mold")
  elseif(AUREOLE_LINKER MATCHES "lld")
    set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld")
  endif()
endif()
