# aureole::kokkos. Where Kokkos_ROOT or Kokkos_DIR names an installation, its CMake files are used. The distribution's
# package is found by hand: Debian 12 has Kokkos 3.4 as part of Trilinos, whose CMake files name an include folder that does
# not exist, and those of Kokkos 5.2 in Debian sid name a library that is not in the package.
if(AUREOLE_CUDA OR Kokkos_ROOT OR Kokkos_DIR OR DEFINED ENV{Kokkos_ROOT} OR DEFINED ENV{Kokkos_DIR})
  # this component keeps Kokkos from sending every source to nvcc
  find_package(Kokkos 4 CONFIG REQUIRED COMPONENTS separable_compilation)
else()
  find_path(AUREOLE_KOKKOS_INCLUDE Kokkos_Core.hpp PATH_SUFFIXES kokkos trilinos)
  find_library(AUREOLE_KOKKOS_LIBRARY NAMES kokkoscore trilinos_kokkoscore)
  if(NOT AUREOLE_KOKKOS_INCLUDE OR NOT AUREOLE_KOKKOS_LIBRARY)
    message(FATAL_ERROR "Kokkos was not found: install libtrilinos-kokkos-dev or libkokkos-dev, or set Kokkos_ROOT")
  endif()
endif()

# The back ends, as Kokkos calls its devices
if(Kokkos_FOUND)
  set(AUREOLE_KOKKOS_DEVICES "${Kokkos_DEVICES}")
else()
  file(STRINGS "${AUREOLE_KOKKOS_INCLUDE}/KokkosCore_config.h" aureole_kokkos_lines
    REGEX "^#define KOKKOS_ENABLE_(SERIAL|OPENMP|THREADS|HPX|CUDA|HIP|SYCL)$")
  string(REGEX REPLACE "#define KOKKOS_ENABLE_" "" AUREOLE_KOKKOS_DEVICES "${aureole_kokkos_lines}")
endif()
message(STATUS "Kokkos devices: ${AUREOLE_KOKKOS_DEVICES}")
if(AUREOLE_CUDA AND NOT AUREOLE_KOKKOS_DEVICES MATCHES "CUDA")
  message(FATAL_ERROR "AUREOLE_CUDA needs a Kokkos built with CUDA (found: ${AUREOLE_KOKKOS_DEVICES}): set Kokkos_ROOT")
endif()
if(NOT AUREOLE_CUDA AND AUREOLE_KOKKOS_DEVICES MATCHES "CUDA")
  message(FATAL_ERROR "This Kokkos is built with CUDA (${Kokkos_DIR}${AUREOLE_KOKKOS_INCLUDE}): "
                      "configure the cuda preset, or set Kokkos_ROOT to another Kokkos")
endif()

add_library(aureole_kokkos INTERFACE)
add_library(aureole::kokkos ALIAS aureole_kokkos)
if(Kokkos_FOUND)
  if(AUREOLE_CUDA)
    aureole_move_kokkos_options_to_cuda()
  endif()
  target_link_libraries(aureole_kokkos INTERFACE Kokkos::kokkos)
else()
  target_include_directories(aureole_kokkos SYSTEM INTERFACE "${AUREOLE_KOKKOS_INCLUDE}")
  target_link_libraries(aureole_kokkos INTERFACE "${AUREOLE_KOKKOS_LIBRARY}" Threads::Threads ${CMAKE_DL_LIBS})
endif()

# Without a parallel back end, row loops are shared by OpenMP of our own (core/kernels/launch.hpp)
set(AUREOLE_THREAD_SERIAL_KOKKOS 0)
if(OpenMP_CXX_FOUND AND NOT AUREOLE_KOKKOS_DEVICES MATCHES "OPENMP|THREADS|HPX|CUDA|HIP|SYCL")
  set(AUREOLE_THREAD_SERIAL_KOKKOS 1)
endif()
if(AUREOLE_THREAD_SERIAL_KOKKOS OR AUREOLE_KOKKOS_DEVICES MATCHES "OPENMP")
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_link_libraries(aureole_kokkos INTERFACE OpenMP::OpenMP_CXX)
endif()
