# CUDA builds: files that see Kokkos, directly or through a header of ours, are compiled by nvcc, all others by the host's
# compiler, which is five times faster. Kokkos hands its compile options to the C++ language when it was built by
# nvcc_wrapper; here they belong to the CUDA language.

# aureole_move_kokkos_options_to_cuda(): after find_package(Kokkos), before any target is made
function(aureole_move_kokkos_options_to_cuda)
  foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS)
    get_target_property(value Kokkos::kokkoscore ${property})
    if(value)
      string(REPLACE "COMPILE_LANGUAGE:CXX" "COMPILE_LANGUAGE:CUDA" value "${value}")
      set_target_properties(Kokkos::kokkoscore PROPERTIES ${property} "${value}")
    endif()
  endforeach()
  get_target_property(options Kokkos::kokkoscore INTERFACE_COMPILE_OPTIONS)
  if("${options}" MATCHES "-arch=")
    set(CMAKE_CUDA_ARCHITECTURES OFF PARENT_SCOPE)  # Kokkos names its own
  elseif(Kokkos_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES "${Kokkos_CUDA_ARCHITECTURES}" PARENT_SCOPE)
  endif()
  set_target_properties(Kokkos::kokkoscore PROPERTIES INTERFACE_LINK_OPTIONS "")  # these are nvcc's, the host links
  # The driver is found at run time (core/kernels/cuda/driver.cpp), the run-time library is part of the program: it starts
  # on machines without either.
  set_target_properties(Kokkos::CUDA PROPERTIES INTERFACE_LINK_LIBRARIES "aureole_cuda_driver;CUDA::cudart_static")
endfunction()

# Sets <result>: whether <file> includes Kokkos. Looks into headers named from the repository's root.
function(aureole_sees_kokkos file result)
  get_property(known GLOBAL PROPERTY "aureole_sees_kokkos_${file}")
  if("${known}" STREQUAL "" AND EXISTS "${file}")
    set(known FALSE)
    set_property(GLOBAL PROPERTY "aureole_sees_kokkos_${file}" FALSE)  # ends circles
    file(STRINGS "${file}" lines REGEX "^#include ")
    foreach(line IN LISTS lines)
      if(line MATCHES "<Kokkos_")
        set(known TRUE)
      elseif(NOT known AND line MATCHES "\"([^\"]+)\"")
        aureole_sees_kokkos("${PROJECT_SOURCE_DIR}/${CMAKE_MATCH_1}" known)
      endif()
    endforeach()
    set_property(GLOBAL PROPERTY "aureole_sees_kokkos_${file}" ${known})
    set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  endif()
  if("${known}" STREQUAL "")
    set(known FALSE)
  endif()
  set(${result} ${known} PARENT_SCOPE)
endfunction()

# aureole_compile_kernels_with_nvcc(<folder>): every target of the folder and those below
function(aureole_compile_kernels_with_nvcc folder)
  get_property(targets DIRECTORY "${folder}" PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(sources ${target} SOURCES)
    get_target_property(home ${target} SOURCE_DIR)
    foreach(source IN LISTS sources)
      cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${home}" NORMALIZE)
      if(source MATCHES "\\.cpp$")
        aureole_sees_kokkos("${source}" is_kernel)
        if(is_kernel)
          set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES LANGUAGE CUDA)
        endif()
      endif()
    endforeach()
  endforeach()
  get_property(subfolders DIRECTORY "${folder}" PROPERTY SUBDIRECTORIES)
  foreach(subfolder IN LISTS subfolders)
    aureole_compile_kernels_with_nvcc("${subfolder}")
  endforeach()
endfunction()
