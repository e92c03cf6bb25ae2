// A shared object for LD_PRELOAD: system calls of the program under test fail as they are told to.
// The program itself knows nothing of it.
//
//   LEVELSCAN_FAIL = CALL:HOW:FIRST:COUNT:PATH
//     CALL    open | fstat | pread | write | fsync | close | rename | mkostemp | thread | malloc
//     HOW     an errno as a number | short (half of the bytes) | interrupted (EINTR every other
//     time)
//             | end (no bytes)
//     FIRST   the first call that fails, from 1
//     COUNT   how many fail from there on; 0: all
//     PATH    only calls on files whose path contains it count; calls of malloc and thread
//     (pthread_create)
//             count from the first such open on
//   LEVELSCAN_CALLS = FILE to which the number of calls that counted is written at the end
//
// Thread-safe.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" void* __libc_malloc(std::size_t bytes);

namespace {

enum class Fault { kNone, kErrno, kShort, kEnd };

struct Plan {
  char call[16] = "";
  char how[16] = "";
  unsigned long first = 0;
  unsigned long count = 0;
  char path[256] = "";

  Plan() {
    char const* const text = std::getenv("LEVELSCAN_FAIL");
    if (text == nullptr) return;
    std::sscanf(text, "%15[^:]:%15[^:]:%lu:%lu:%255s", call, how, &first, &count, path);
  }
};

Plan const& plan() {
  static Plan const the_plan;
  return the_plan;
}

std::atomic<unsigned long> calls{0};
std::atomic<bool> armed{false};  // a file of the plan's was opened

struct WriteCalls {
  ~WriteCalls() {
    char const* const path = std::getenv("LEVELSCAN_CALLS");
    if (path == nullptr) return;
    if (std::FILE* const file = std::fopen(path, "w")) {
      std::fprintf(file, "%lu\n", calls.load());
      std::fclose(file);
    }
  }
} write_calls;

Fault fault_of_next_call() {
  unsigned long const number = ++calls;
  if (number < plan().first) return Fault::kNone;
  if (plan().count != 0 && number >= plan().first + plan().count) return Fault::kNone;
  if (std::strcmp(plan().how, "short") == 0) return Fault::kShort;
  if (std::strcmp(plan().how, "end") == 0) return Fault::kEnd;
  if (std::strcmp(plan().how, "interrupted") == 0) {
    errno = EINTR;
    return number % 2 == 1 ? Fault::kErrno : Fault::kNone;
  }
  errno = std::atoi(plan().how);
  return Fault::kErrno;
}

bool is_planned(char const* call) { return std::strcmp(plan().call, call) == 0; }

Fault fault_for_path(char const* call, char const* path) {
  bool const matches = path != nullptr && std::strstr(path, plan().path) != nullptr;
  if (matches && std::strcmp(call, "open") == 0) armed = true;
  return matches && is_planned(call) ? fault_of_next_call() : Fault::kNone;
}

Fault fault_for_descriptor(char const* call, int descriptor) {
  if (!is_planned(call)) return Fault::kNone;
  int const before = errno;
  char link[32];
  char path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t const length = ::readlink(link, path, sizeof path - 1);
  errno = before;
  if (length < 0) return Fault::kNone;
  path[length] = '\0';
  return fault_for_path(call, path);
}

template <class Function>
Function* next(char const* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int open(char const* path, int flags, ...) {
  static auto* const real = next<int(char const*, int, ...)>("open");
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return fault_for_path("open", path) == Fault::kErrno ? -1 : real(path, flags, mode);
}

int fstat(int descriptor, struct stat* status) {
  static auto* const real = next<int(int, struct stat*)>("fstat");
  return fault_for_descriptor("fstat", descriptor) == Fault::kErrno ? -1 : real(descriptor, status);
}

ssize_t pread(int descriptor, void* out, std::size_t bytes, off_t offset) {
  static auto* const real = next<ssize_t(int, void*, std::size_t, off_t)>("pread");
  switch (fault_for_descriptor("pread", descriptor)) {
    case Fault::kErrno: return -1;
    case Fault::kEnd: return 0;
    case Fault::kShort: return real(descriptor, out, (bytes + 1) / 2, offset);
    case Fault::kNone: break;
  }
  return real(descriptor, out, bytes, offset);
}

ssize_t write(int descriptor, void const* from, std::size_t bytes) {
  static auto* const real = next<ssize_t(int, void const*, std::size_t)>("write");
  switch (fault_for_descriptor("write", descriptor)) {
    case Fault::kErrno: return -1;
    case Fault::kEnd:
    case Fault::kShort: return real(descriptor, from, (bytes + 1) / 2);
    case Fault::kNone: break;
  }
  return real(descriptor, from, bytes);
}

int fsync(int descriptor) {
  static auto* const real = next<int(int)>("fsync");
  return fault_for_descriptor("fsync", descriptor) == Fault::kErrno ? -1 : real(descriptor);
}

int close(int descriptor) {
  static auto* const real = next<int(int)>("close");
  if (fault_for_descriptor("close", descriptor) != Fault::kErrno) return real(descriptor);
  int const error_number = errno;
  real(descriptor);  // Linux closes it all the same
  errno = error_number;
  return -1;
}

int rename(char const* from, char const* to) {
  static auto* const real = next<int(char const*, char const*)>("rename");
  return fault_for_path("rename", to) == Fault::kErrno ? -1 : real(from, to);
}

int mkostemp(char* name, int flags) {
  static auto* const real = next<int(char*, int)>("mkostemp");
  return fault_for_path("mkostemp", name) == Fault::kErrno ? -1 : real(name, flags);
}

int pthread_create(pthread_t* thread, pthread_attr_t const* attributes, void* (*start)(void*),
                   void* argument) {
  static auto* const real =
      next<int(pthread_t*, pthread_attr_t const*, void* (*)(void*), void*)>("pthread_create");
  if (armed && is_planned("thread") && fault_of_next_call() == Fault::kErrno) return errno;
  return real(thread, attributes, start, argument);
}

#ifndef LEVELSCAN_SANITIZED
void* malloc(std::size_t bytes) {
  if (armed && is_planned("malloc") && fault_of_next_call() == Fault::kErrno) return nullptr;
  return __libc_malloc(bytes);
}
#endif

}  // extern "C"
