# Everything that comes from outside. Debian 12's package of each is named in the error when it is missing.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
if(LEVELSCAN_TESTS OR LEVELSCAN_FUZZ)
  find_package(GTest CONFIG REQUIRED)
endif()

# Defines the imported target external::<name>; sets <name>_FOUND.
function(levelscan_find_library name header library)
  find_path(${name}_INCLUDE_DIR ${header})
  find_library(${name}_LIBRARY ${library})
  if(${name}_INCLUDE_DIR AND ${name}_LIBRARY)
    add_library(external::${name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(external::${name} PROPERTIES
      IMPORTED_LOCATION "${${name}_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${${name}_INCLUDE_DIR}")
    set(${name}_FOUND ON PARENT_SCOPE)
  else()
    set(${name}_FOUND OFF PARENT_SCOPE)
  endif()
endfunction()

function(levelscan_require_library name header library package)
  levelscan_find_library(${name} ${header} ${library})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} is missing (<${header}>, lib${library}): apt-get install ${package}")
  endif()
endfunction()

levelscan_require_library(snappy snappy.h snappy libsnappy-dev)
levelscan_require_library(zlib zlib.h z zlib1g-dev)
levelscan_require_library(bzip2 bzlib.h bz2 libbz2-dev)
levelscan_require_library(lz4 lz4.h lz4 liblz4-dev)
levelscan_require_library(zstd zstd.h zstd libzstd-dev)
levelscan_require_library(xxhash xxhash.h xxhash libxxhash-dev)
levelscan_require_library(isal isa-l/crc.h isal libisal-dev)

# librocksdb serves demo, verify, bench and the differential tests; the library itself never sees it.
levelscan_find_library(rocksdb rocksdb/db.h rocksdb)
option(LEVELSCAN_WITH_ROCKSDB "Build host/peer, which links librocksdb" ${rocksdb_FOUND})
if(LEVELSCAN_WITH_ROCKSDB AND NOT rocksdb_FOUND)
  message(FATAL_ERROR "LEVELSCAN_WITH_ROCKSDB=ON, but librocksdb is missing: apt-get install librocksdb-dev")
endif()

# Thrust is header-only: the CUDA Toolkit's CCCL where there is one (the same that nvcc uses), else Debian's.
get_filename_component(nvcc_real_path "${LEVELSCAN_NVCC}" REALPATH)
get_filename_component(toolkit_root "${nvcc_real_path}/../.." ABSOLUTE)
find_path(LEVELSCAN_TOOLKIT_THRUST_DIR thrust/version.h NO_DEFAULT_PATH PATHS
  "${toolkit_root}/targets/${CMAKE_SYSTEM_PROCESSOR}-linux/include/cccl" "${toolkit_root}/include/cccl"
  "${toolkit_root}/include")
find_path(LEVELSCAN_DEBIAN_THRUST_DIR thrust/version.h)
if(LEVELSCAN_THRUST STREQUAL "auto" OR LEVELSCAN_CUDA_ENABLED)
  set(thrust_dir "${LEVELSCAN_TOOLKIT_THRUST_DIR}")
  if(NOT thrust_dir)
    set(thrust_dir "${LEVELSCAN_DEBIAN_THRUST_DIR}")
  endif()
elseif(LEVELSCAN_THRUST STREQUAL "toolkit")
  set(thrust_dir "${LEVELSCAN_TOOLKIT_THRUST_DIR}")
elseif(LEVELSCAN_THRUST STREQUAL "debian")
  set(thrust_dir "${LEVELSCAN_DEBIAN_THRUST_DIR}")
else()
  message(FATAL_ERROR "LEVELSCAN_THRUST is auto, toolkit or debian, not '${LEVELSCAN_THRUST}'")
endif()
if(NOT thrust_dir)
  message(FATAL_ERROR "Thrust is missing: apt-get install libthrust-dev, or a CUDA Toolkit")
endif()
file(STRINGS "${thrust_dir}/thrust/version.h" thrust_version REGEX "^#define THRUST_VERSION [0-9]+")
string(REGEX MATCH "[0-9]+" thrust_version "${thrust_version}")
message(STATUS "Thrust ${thrust_version} from ${thrust_dir}")

# In .cpp files Thrust runs on the calling thread; .cu files keep Thrust's own choice, CUDA.
add_library(levelscan_thrust INTERFACE)
target_include_directories(levelscan_thrust SYSTEM INTERFACE "${thrust_dir}")
target_compile_definitions(levelscan_thrust INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP>"
  "$<$<COMPILE_LANGUAGE:CXX>:THRUST_HOST_SYSTEM=THRUST_HOST_SYSTEM_CPP>")
