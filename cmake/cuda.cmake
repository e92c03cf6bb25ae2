# Finds nvcc and enables CUDA. Sets LEVELSCAN_CUDA_ENABLED, LEVELSCAN_NVCC (the path or NOTFOUND),
# LEVELSCAN_CUDART_TARGET (the runtime library to link).
find_program(LEVELSCAN_NVCC nvcc HINTS ENV CUDACXX /usr/local/cuda/bin DOC "CUDA compiler")

if(LEVELSCAN_CUDA STREQUAL "off")
  set(LEVELSCAN_CUDA_ENABLED OFF)
elseif(LEVELSCAN_CUDA STREQUAL "auto")
  set(LEVELSCAN_CUDA_ENABLED OFF)
  if(LEVELSCAN_NVCC)
    set(LEVELSCAN_CUDA_ENABLED ON)
  endif()
elseif(LEVELSCAN_CUDA STREQUAL "on")
  if(NOT LEVELSCAN_NVCC)
    message(FATAL_ERROR "LEVELSCAN_CUDA=on, but there is no nvcc in PATH or /usr/local/cuda/bin. "
      "The CUDA Toolkit is at https://developer.nvidia.com/cuda-downloads")
  endif()
  set(LEVELSCAN_CUDA_ENABLED ON)
else()
  message(FATAL_ERROR "LEVELSCAN_CUDA is auto, on or off, not '${LEVELSCAN_CUDA}'")
endif()

set(LEVELSCAN_CUDART static CACHE STRING "CUDA's runtime library: static, shared")
if(NOT LEVELSCAN_CUDART MATCHES "^(static|shared)$")
  message(FATAL_ERROR "LEVELSCAN_CUDART is static or shared, not '${LEVELSCAN_CUDART}'")
endif()
set(LEVELSCAN_CUDART_TARGET CUDA::cudart_static)
if(LEVELSCAN_CUDART STREQUAL "shared")
  set(LEVELSCAN_CUDART_TARGET CUDA::cudart)
  set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
endif()

if(LEVELSCAN_CUDA_ENABLED)
  set(CMAKE_CUDA_COMPILER "${LEVELSCAN_NVCC}" CACHE FILEPATH "CUDA compiler")
  # Before enable_language: CMake 3.25 would otherwise try an architecture that nvcc 13 no longer has.
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80 90)
  endif()
  enable_language(CUDA)
  # .cu files take over CMAKE_CXX_STANDARD, but CMake 3.25 doesn't know nvcc's flag for C++20.
  if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
    set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  endif()
  find_package(CUDAToolkit REQUIRED)
endif()
