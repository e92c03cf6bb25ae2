#include "table/mapped_file.hpp"

#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "levelscan/error.hpp"
#include "table/random_access_file.hpp"
#include "table/refusal.hpp"

namespace levelscan {

struct MappedFile::Registration {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};  // 0: of no mapping
  std::atomic<bool> damaged{false};
  Registration* next = nullptr;  // set before it is listed
};

namespace {

using Registration = MappedFile::Registration;

// Only grows; read by the handler.
std::atomic<Registration*> registrations{nullptr};
std::mutex registering;
std::size_t free_registrations = 0;  // guarded by the mutex
struct sigaction handler_before;     // set before the first mapping is registered
std::atomic<uintptr_t> page_bytes{0};
static_assert(std::atomic<uintptr_t>::is_always_lock_free &&
              std::atomic<Registration*>::is_always_lock_free);

// Marks the mappings that hold the address; false: there is none. One that is registered while this
// looks at it may be marked for nothing; its own file tells.
bool mark_mappings_of(uintptr_t address) {
  bool found = false;
  for (Registration* at = registrations.load(); at != nullptr; at = at->next) {
    if (address < at->begin.load() || address >= at->end.load()) continue;
    at->damaged.store(true);
    found = true;
  }
  return found;
}

void put_zeros_where_nothing_is(int number, siginfo_t* information, void* context) {
  // Sent by a process, it is about no address.
  bool const is_fault = information->si_code > 0;
  uintptr_t const address = reinterpret_cast<uintptr_t>(information->si_addr);
  if (is_fault && mark_mappings_of(address)) {
    uintptr_t const page = address & ~(page_bytes.load() - 1);
    void* const zeros = ::mmap(reinterpret_cast<void*>(page), page_bytes.load(), PROT_READ,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros != MAP_FAILED) return;
  }
  if ((handler_before.sa_flags & SA_SIGINFO) != 0) {
    handler_before.sa_sigaction(number, information, context);
    return;
  }
  if (handler_before.sa_handler != SIG_DFL && handler_before.sa_handler != SIG_IGN) {
    handler_before.sa_handler(number);
    return;
  }
  // With nobody to handle it: what raised it is run again when this returns, and what was sent
  // comes again.
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGBUS, &action, nullptr);
  if (!is_fault) ::raise(number);
}

bool install_handler() {
  long const bytes = ::sysconf(_SC_PAGESIZE);
  if (bytes <= 0) return false;
  page_bytes = static_cast<uintptr_t>(bytes);
  struct sigaction action {};
  action.sa_sigaction = put_zeros_where_nothing_is;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(SIGBUS, nullptr, &handler_before) != 0) return false;
  return ::sigaction(SIGBUS, &action, nullptr) == 0;
}

bool handler_is_installed() {
  std::lock_guard const lock(registering);
  static bool const installed = install_handler();
  return installed;
}

// A file's pages, one before them and one after. REQUIRES: the handler is installed.
uint64_t reserved_for(uint64_t file_bytes) {
  uint64_t const page = page_bytes.load();
  return (file_bytes + page - 1) / page * page + 2 * page;
}

// REQUIRES: the handler is installed.
Registration* register_mapping(uintptr_t begin, uint64_t bytes) {
  std::lock_guard const lock(registering);
  Registration* at = registrations.load();
  if (free_registrations == 0) {
    at = new Registration;
    at->next = registrations.load();
    registrations.store(at);
  } else {
    while (at->end.load() != 0) at = at->next;
    --free_registrations;
  }
  at->damaged.store(false);
  at->begin.store(begin);
  at->end.store(begin + bytes);
  return at;
}

void unregister(Registration& registration) {
  std::lock_guard const lock(registering);
  registration.end.store(0);
  ++free_registrations;
}

}  // namespace

std::optional<MappedFile> MappedFile::map(RandomAccessFile const& file) {
  if (file.descriptor() < 0 || file.size() == 0) return std::nullopt;
  if (!handler_is_installed()) return std::nullopt;
  // A page of zeros before the file and one after it: the slack that kernels may read.
  uint64_t const reserved_bytes = reserved_for(file.size());
  void* const reserved = ::mmap(nullptr, reserved_bytes, PROT_READ,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return std::nullopt;
  uint8_t* const data = static_cast<uint8_t*>(reserved) + page_bytes.load();
  if (::mmap(data, file.size(), PROT_READ, MAP_SHARED | MAP_FIXED, file.descriptor(), 0) ==
      MAP_FAILED) {
    ::munmap(reserved, reserved_bytes);
    return std::nullopt;
  }
  Registration* const registration =
      register_mapping(reinterpret_cast<uintptr_t>(data), file.size());
  return MappedFile(data, file, registration);
}

MappedFile::~MappedFile() {
  if (registration_ == nullptr) return;
  unregister(*registration_);
  ::munmap(const_cast<uint8_t*>(data_) - page_bytes.load(), reserved_for(size_));
}

MappedFile::MappedFile(uint8_t const* data, RandomAccessFile const& file,
                       Registration* registration)
    : data_(data),
      size_(file.size()),
      descriptor_(file.descriptor()),
      path_(file.path()),
      registration_(registration) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(other.data_),
      size_(other.size_),
      descriptor_(other.descriptor_),
      path_(std::move(other.path_)),
      registration_(std::exchange(other.registration_, nullptr)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(registration_, other.registration_);
  return *this;
}

std::span<uint8_t const> MappedFile::bytes(uint64_t offset, uint64_t bytes) const {
  if (offset > size_ || bytes > size_ - offset) {
    throw corruption_error(path_, offset,
                           fmt::format("{} bytes wanted, but the file has {} bytes", bytes, size_));
  }
  return {data_ + offset, bytes};
}

void MappedFile::require_whole() const {
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0) {
    throw Error(ErrorCode::kRuntime,
                fmt::format("cannot read {}: {}", path_, std::strerror(errno)));
  }
  // The rest of a file's last page reads as zeros without a signal, so the mark says too little.
  if (static_cast<uint64_t>(now.st_size) < size_) {
    throw corruption_error(path_, static_cast<uint64_t>(now.st_size),
                           "the file became shorter while it was read");
  }
  if (registration_->damaged.load()) {
    throw Error(ErrorCode::kRuntime, fmt::format("cannot read {}: {}", path_, std::strerror(EIO)));
  }
}

}  // namespace levelscan
