# Compile options shared by every target: warnings, the processor to compile for.
add_library(aureole_options INTERFACE)
target_compile_features(aureole_options INTERFACE cxx_std_20)
target_include_directories(aureole_options INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
target_compile_options(aureole_options INTERFACE
  $<$<COMPILE_LANG_AND_ID:CXX,GNU,Clang>:-Wall -Wextra>
  # gcc 12 sees overlapping copies in std::string's own operators
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(AUREOLE_CUDA)
  # relaxed: constexpr functions of the standard library in kernels; nvcc cannot evaluate fmt's checks of format strings
  target_compile_options(aureole_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr>)
  foreach(definition FMT_CONSTEVAL= FMT_USE_CONSTEVAL=0 FMT_USE_CONSTEXPR=1)
    target_compile_definitions(aureole_options INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:${definition}>)
  endforeach()
endif()
if(AUREOLE_NATIVE_ARCH AND NOT AUREOLE_CUDA)
  # 512-bit vectors: the compiler's default of 256 bits halves the rate of in-cache kernels
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag("-march=native" AUREOLE_HAS_MARCH_NATIVE)
  check_cxx_compiler_flag("-mprefer-vector-width=512" AUREOLE_HAS_VECTOR_WIDTH)
  if(AUREOLE_HAS_MARCH_NATIVE)
    target_compile_options(aureole_options INTERFACE -march=native)
  endif()
  if(AUREOLE_HAS_VECTOR_WIDTH)
    target_compile_options(aureole_options INTERFACE -mprefer-vector-width=512)
  endif()
endif()
