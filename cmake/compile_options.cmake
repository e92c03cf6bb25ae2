# Language level, warnings, floating point and sanitizers, for everything in this project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Warnings are errors, nvcc's too; `cmake --compile-no-warning-as-error` lifts it for an unknown compiler.
if(NOT DEFINED CMAKE_COMPILE_WARNING_AS_ERROR)
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
endif()
set(cxx_options -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wnon-virtual-dtor
  -ffp-contract=off)  # no fused multiply-add: every backend rounds alike
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND cxx_options -Wno-restrict)  # g++ 12 misreports std::string's operator+ (PR 105651)
endif()
if(LEVELSCAN_NATIVE)
  list(APPEND cxx_options -march=native)
endif()

if(LEVELSCAN_SANITIZE STREQUAL "address-undefined")
  set(sanitizer_options -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(LEVELSCAN_SANITIZE STREQUAL "thread")
  set(sanitizer_options -fsanitize=thread)
elseif(NOT LEVELSCAN_SANITIZE STREQUAL "off")
  message(FATAL_ERROR "LEVELSCAN_SANITIZE is off, address-undefined or thread, not '${LEVELSCAN_SANITIZE}'")
endif()
if(LEVELSCAN_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "LEVELSCAN_FUZZ=ON needs clang, whose libFuzzer it uses (the preset fuzz)")
  endif()
  list(APPEND cxx_options -fsanitize=fuzzer-no-link)  # coverage; the fuzz targets alone link libFuzzer's main
endif()
if(sanitizer_options)
  list(APPEND cxx_options ${sanitizer_options} -fno-omit-frame-pointer -g)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND cxx_options -Wno-maybe-uninitialized)  # g++ reports it falsely in instrumented code
  endif()
  add_link_options(${sanitizer_options})
endif()

# -Wpedantic and the conversion warnings are left out for .cu files: nvcc's generated code trips them,
# and the same kernels pass through the C++ compiler with all of them.
add_compile_options(
  "$<$<COMPILE_LANGUAGE:CXX>:${cxx_options}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:--fmad=false;-Xcompiler=-Wall,-Wextra,-ffp-contract=off>")
# What is compiled for PTX alone stays readable in the library (tests/resources/runtime_calls.sh).
if(CMAKE_CUDA_ARCHITECTURES MATCHES "virtual")
  add_compile_options("$<$<COMPILE_LANGUAGE:CUDA>:--no-compress>")
endif()
