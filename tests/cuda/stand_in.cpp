#include "cuda/stand_in.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "device/device.hpp"

namespace levelscan::test {
namespace {

constexpr uint32_t kThreadsMax = 1024;
constexpr std::size_t kSharedBytesMax = 48 << 10;  // what a kernel may have without opting in

// Addresses for all device memory there will ever be in this process: none is used twice.
constexpr std::size_t kAddressBytes = std::size_t{1} << 40;

struct Addresses {
  std::byte* begin = nullptr;
  std::byte* next = nullptr;
};

Addresses& addresses() {
  static Addresses all = [] {
    void* const begin =
        mmap(nullptr, kAddressBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (begin == MAP_FAILED) std::abort();
    return Addresses{static_cast<std::byte*>(begin), static_cast<std::byte*>(begin)};
  }();
  return all;
}

std::size_t rounded(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Fills what nobody wrote; of much, both ends: pages that were never touched cost nothing when they
// are protected.
void poison(std::byte* memory, std::size_t bytes, int value) {
  constexpr std::size_t kAllOf = 1 << 20;
  constexpr std::size_t kEnd = 64 << 10;
  std::memset(memory, value, bytes <= kAllOf ? bytes : kEnd);
  if (bytes > kAllOf) std::memset(memory + (bytes - kEnd), value, kEnd);
}

std::size_t page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

// As in CUDA, each thread has its own.
struct LastError {
  cudaError_t status = cudaSuccess;
  std::string call;
};
thread_local LastError last_error;
thread_local int selected_device = 0;

std::string size_text(std::size_t bytes) { return std::to_string(bytes) + " bytes"; }

}  // namespace

CudaStandIn& CudaStandIn::instance() {
  static CudaStandIn stand_in;
  return stand_in;
}

void CudaStandIn::reset(uint64_t seed) {
  std::lock_guard const lock(mutex_);
  while (!device_.empty()) static_cast<void>(free_device(device_.begin()->first));
  while (!pinned_.empty()) static_cast<void>(free_pinned(pinned_.begin()->first));
  // What still waits for its own stream would keep it.
  for (auto const& [handle, stream] : streams_) stream->pending.clear();
  for (auto const& stream : abandoned_) stream->pending.clear();
  streams_.clear();
  events_.clear();
  abandoned_.clear();
  random_ = Random(seed);
  draws_order_ = true;
  limit_memory(std::size_t{8} << 30, std::size_t{8} << 30);
  allocations_forbidden_ = false;
  calls_ = operations_run_ = event_waits_ = host_waits_ = clock_ns_ = 0;
  launches_.clear();
  calls_until_failure_ = operations_until_failure_ = 0;
  call_failure_ = all_calls_failure_ = operation_failure_ = sticky_ = cudaSuccess;
  violations_.clear();
  last_error = {};
  selected_device = 0;
  before_anything_is_live();
}

void CudaStandIn::set_order(OperationOrder order) {
  std::lock_guard const lock(mutex_);
  order_ = OperationOrder::kLate;
  bool const open = open_ != 0 || order == OperationOrder::kEager;
  protect_device_memory(open ? PROT_READ | PROT_WRITE : PROT_NONE);
  order_ = order;
  draws_order_ = false;
}

void CudaStandIn::limit_memory(std::size_t device_bytes, std::size_t pinned_bytes) {
  std::lock_guard const lock(mutex_);
  device_bytes_max_ = device_bytes;
  pinned_bytes_max_ = pinned_bytes;
}

void CudaStandIn::forbid_allocations(bool forbid) {
  std::lock_guard const lock(mutex_);
  allocations_forbidden_ = forbid;
}

void CudaStandIn::fail_call(uint64_t n, cudaError_t status) {
  std::lock_guard const lock(mutex_);
  calls_until_failure_ = n;
  call_failure_ = status;
}

void CudaStandIn::fail_all_calls(cudaError_t status) {
  std::lock_guard const lock(mutex_);
  all_calls_failure_ = status;
}

void CudaStandIn::fail_operation(uint64_t n, cudaError_t status) {
  std::lock_guard const lock(mutex_);
  operations_until_failure_ = n;
  operation_failure_ = status;
}

uint64_t CudaStandIn::calls() const {
  std::lock_guard const lock(mutex_);
  return calls_;
}

uint64_t CudaStandIn::operations_run() const {
  std::lock_guard const lock(mutex_);
  return operations_run_;
}

uint64_t CudaStandIn::operations_pending() const {
  std::lock_guard const lock(mutex_);
  uint64_t pending = 0;
  for (auto const& [handle, stream] : streams_) pending += stream->pending.size();
  for (auto const& stream : abandoned_) pending += stream->pending.size();
  return pending;
}

uint64_t CudaStandIn::event_waits() const {
  std::lock_guard const lock(mutex_);
  return event_waits_;
}

uint64_t CudaStandIn::launches(std::string const& kernel) const {
  std::lock_guard const lock(mutex_);
  auto const found = launches_.find(kernel);
  return found == launches_.end() ? 0 : found->second;
}

uint64_t CudaStandIn::host_waits() const {
  std::lock_guard const lock(mutex_);
  return host_waits_;
}

uint64_t CudaStandIn::clock_ns() const {
  std::lock_guard const lock(mutex_);
  return clock_ns_;
}

std::vector<std::string> CudaStandIn::take_violations() {
  std::lock_guard const lock(mutex_);
  return std::exchange(violations_, {});
}

std::vector<std::string> CudaStandIn::live() const {
  std::lock_guard const lock(mutex_);
  std::vector<std::string> lines;
  for (auto const& [memory, allocation] : device_) {
    lines.push_back("device memory of " + size_text(allocation.bytes));
  }
  for (auto const& [memory, allocation] : pinned_) {
    lines.push_back("pinned memory of " + size_text(allocation.bytes));
  }
  lines.insert(lines.end(), streams_.size(), "a stream");
  lines.insert(lines.end(), events_.size(), "an event");
  return lines;
}

void CudaStandIn::violation(std::string text) { violations_.push_back(std::move(text)); }

cudaError_t CudaStandIn::failure_of_this_call() {
  ++calls_;
  if (all_calls_failure_ != cudaSuccess) return all_calls_failure_;
  if (calls_until_failure_ != 0 && --calls_until_failure_ == 0) return call_failure_;
  return sticky_;
}

void CudaStandIn::keep_error(std::string const& name, cudaError_t status) {
  if (status != cudaSuccess) last_error = {status, name};
}

cudaError_t CudaStandIn::call(std::string const& name, std::function<cudaError_t()> const& call) {
  std::lock_guard const lock(mutex_);
  cudaError_t status = failure_of_this_call();
  if (status == cudaSuccess) status = call();
  if (status == cudaSuccess) status = sticky_;
  keep_error(name, status);
  return status;
}

cudaError_t CudaStandIn::destroy(std::string const& name,
                                 std::function<cudaError_t()> const& call) {
  std::lock_guard const lock(mutex_);
  cudaError_t const failure = failure_of_this_call();
  cudaError_t const status = call();
  keep_error(name, failure != cudaSuccess ? failure : status);
  return failure != cudaSuccess ? failure : status;
}

cudaError_t CudaStandIn::take_last_error() {
  std::lock_guard const lock(mutex_);
  cudaError_t const status = std::exchange(last_error, {}).status;
  return sticky_ != cudaSuccess ? sticky_ : status;
}

bool CudaStandIn::is_device_address(void const* address) noexcept {
  auto const* const byte = static_cast<std::byte const*>(address);
  return byte >= addresses().begin && byte < addresses().begin + kAddressBytes;
}

void CudaStandIn::before_anything_is_live() {
  if (!draws_order_ || !device_.empty() || !pinned_.empty()) return;
  constexpr OperationOrder kOrders[] = {OperationOrder::kLate, OperationOrder::kMixed,
                                        OperationOrder::kEager};
  order_ = kOrders[random_.below(3)];
}

void CudaStandIn::before_allocation(std::string const& what) {
  if (allocations_forbidden_) violation(what + " was allocated where nothing may be");
  before_anything_is_live();
}

cudaError_t CudaStandIn::select_device(int ordinal) {
  if (ordinal < 0 || ordinal >= kDeviceCount) return cudaErrorInvalidDevice;
  selected_device = ordinal;
  return cudaSuccess;
}

cudaError_t CudaStandIn::allocate_device(void** memory, std::size_t bytes) {
  std::lock_guard const lock(mutex_);
  before_allocation("device memory of " + size_text(bytes));
  if (bytes > device_bytes_max_ - device_bytes_) return cudaErrorMemoryAllocation;
  // The end of the memory, rounded to its alignment, is the end of its last page.
  std::size_t const used_bytes = rounded(std::max<std::size_t>(bytes, 1), kAllocationAlignment);
  std::size_t const all_bytes = rounded(used_bytes, page_bytes());
  Addresses& free = addresses();
  if (all_bytes + page_bytes() > kAddressBytes - static_cast<std::size_t>(free.next - free.begin)) {
    return cudaErrorMemoryAllocation;
  }
  std::byte* const pages = free.next;
  // Shared, so that the kernel never merges it with what lies beside it: protecting it stays cheap.
  if (mmap(pages, all_bytes, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_SHARED | MAP_ANONYMOUS, -1,
           0) == MAP_FAILED) {
    return cudaErrorMemoryAllocation;
  }
  free.next += all_bytes + page_bytes();
  poison(pages, all_bytes, static_cast<int>(random_.below(256)));
  if (open_ == 0 && order_ != OperationOrder::kEager) mprotect(pages, all_bytes, PROT_NONE);
  std::byte* const begin = pages + (all_bytes - used_bytes);
  device_[begin] = {bytes, pages, all_bytes, selected_device};
  device_bytes_ += bytes;
  *memory = begin;
  return cudaSuccess;
}

cudaError_t CudaStandIn::free_device(void* memory) {
  std::lock_guard const lock(mutex_);
  if (memory == nullptr) return cudaSuccess;
  auto const found = device_.find(static_cast<std::byte*>(memory));
  if (found == device_.end()) {
    violation("cudaFree of what is not the beginning of live device memory");
    return cudaErrorInvalidValue;
  }
  Allocation const& allocation = found->second;
  mmap(allocation.pages, allocation.page_bytes, PROT_NONE,
       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  device_bytes_ -= allocation.bytes;
  device_.erase(found);
  return cudaSuccess;
}

cudaError_t CudaStandIn::allocate_pinned(void** memory, std::size_t bytes) {
  std::lock_guard const lock(mutex_);
  before_allocation("pinned memory of " + size_text(bytes));
  if (bytes > pinned_bytes_max_ - pinned_bytes_) return cudaErrorMemoryAllocation;
  // Of its exact size, so that AddressSanitizer sees an overrun.
  void* pinned = nullptr;
  if (posix_memalign(&pinned, kAllocationAlignment, std::max<std::size_t>(bytes, 1)) != 0) {
    return cudaErrorMemoryAllocation;
  }
  poison(static_cast<std::byte*>(pinned), bytes, static_cast<int>(random_.below(256)));
  auto* const begin = static_cast<std::byte*>(pinned);
  pinned_[begin] = {bytes, begin, bytes, selected_device};
  pinned_bytes_ += bytes;
  *memory = pinned;
  return cudaSuccess;
}

cudaError_t CudaStandIn::free_pinned(void* memory) {
  std::lock_guard const lock(mutex_);
  if (memory == nullptr) return cudaSuccess;
  auto const found = pinned_.find(static_cast<std::byte*>(memory));
  if (found == pinned_.end()) {
    violation("cudaFreeHost of what is not the beginning of live pinned memory");
    return cudaErrorInvalidValue;
  }
  pinned_bytes_ -= found->second.bytes;
  pinned_.erase(found);
  std::free(memory);
  return cudaSuccess;
}

std::size_t CudaStandIn::device_bytes_free() const {
  std::lock_guard const lock(mutex_);
  return device_bytes_max_ - device_bytes_;
}

std::size_t CudaStandIn::device_bytes_all() const {
  std::lock_guard const lock(mutex_);
  return device_bytes_max_;
}

cudaError_t CudaStandIn::create_stream(cudaStream_t* stream, unsigned flags) {
  before_allocation("a stream");
  if (flags != cudaStreamNonBlocking) violation("a stream that waits for the default stream");
  *stream = reinterpret_cast<cudaStream_t>(next_handle_++);
  streams_[*stream] = std::make_shared<Stream>();
  streams_[*stream]->device = selected_device;
  return cudaSuccess;
}

std::shared_ptr<CudaStandIn::Stream> CudaStandIn::find(cudaStream_t stream,
                                                       std::string const& call) {
  auto const found = streams_.find(stream);
  if (found != streams_.end()) {
    if (found->second->device != selected_device && call != "cudaStreamDestroy") {
      violation(call + " on a stream of a device that is not selected");
      return nullptr;
    }
    return found->second;
  }
  violation(call + (stream == nullptr ? " on the default stream" : " on a stream that isn't live"));
  return nullptr;
}

std::shared_ptr<CudaStandIn::Event> CudaStandIn::find(cudaEvent_t event, std::string const& call) {
  auto const found = events_.find(event);
  if (found != events_.end()) {
    if (found->second->device != selected_device && call != "cudaEventDestroy") {
      violation(call + " of an event of a device that is not selected");
      return nullptr;
    }
    return found->second;
  }
  violation(call + " of an event that isn't live");
  return nullptr;
}

cudaError_t CudaStandIn::destroy_stream(cudaStream_t stream) {
  auto const found = find(stream, "cudaStreamDestroy");
  if (found == nullptr) return cudaErrorInvalidResourceHandle;
  if (!found->pending.empty()) abandoned_.push_back(found);  // its work goes on, as in CUDA
  streams_.erase(stream);
  return cudaSuccess;
}

cudaError_t CudaStandIn::synchronize(cudaStream_t stream) {
  auto const found = find(stream, "cudaStreamSynchronize");
  if (found == nullptr) return cudaErrorInvalidResourceHandle;
  ++host_waits_;
  run_until(found, found->enqueued);
  return sticky_;
}

cudaError_t CudaStandIn::create_event(cudaEvent_t* event, unsigned flags) {
  before_allocation("an event");
  *event = reinterpret_cast<cudaEvent_t>(next_handle_++);
  events_[*event] = std::make_shared<Event>();
  events_[*event]->tells_time = (flags & cudaEventDisableTiming) == 0;
  events_[*event]->device = selected_device;
  return cudaSuccess;
}

cudaError_t CudaStandIn::destroy_event(cudaEvent_t event) {
  if (find(event, "cudaEventDestroy") == nullptr) return cudaErrorInvalidResourceHandle;
  events_.erase(event);
  return cudaSuccess;
}

cudaError_t CudaStandIn::record(cudaEvent_t event, cudaStream_t stream) {
  auto const recorded = find(event, "cudaEventRecord");
  auto const in = find(stream, "cudaEventRecord");
  if (recorded == nullptr || in == nullptr) return cudaErrorInvalidResourceHandle;
  recorded->last = {in, in->enqueued, std::make_shared<std::optional<uint64_t>>()};
  in->recordings.push_back({nullptr, in->enqueued, recorded->last.reached_ns});
  reach_recordings(*in);
  return cudaSuccess;
}

cudaError_t CudaStandIn::elapsed(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  uint64_t reached_ns[2] = {};
  for (int i = 0; i < 2; ++i) {
    auto const event = find(i == 0 ? begin : end, "cudaEventElapsedTime");
    if (event == nullptr) return cudaErrorInvalidResourceHandle;
    if (!event->tells_time || event->last.stream == nullptr) {
      violation("cudaEventElapsedTime of an event that tells no time or was never recorded");
      return cudaErrorInvalidResourceHandle;
    }
    if (!event->last.reached_ns->has_value()) {
      violation("cudaEventElapsedTime of an event that was not reached");
      return cudaErrorNotReady;
    }
    reached_ns[i] = **event->last.reached_ns;
  }
  *milliseconds = static_cast<float>(
      (static_cast<double>(reached_ns[1]) - static_cast<double>(reached_ns[0])) / 1e6);
  return cudaSuccess;
}

cudaError_t CudaStandIn::wait(cudaStream_t stream, cudaEvent_t event) {
  auto const awaited = find(event, "cudaStreamWaitEvent");
  if (awaited == nullptr) return cudaErrorInvalidResourceHandle;
  if (awaited->last.stream == nullptr) {
    return find(stream, "cudaStreamWaitEvent") == nullptr ? cudaErrorInvalidResourceHandle
                                                          : cudaSuccess;
  }
  ++event_waits_;
  return enqueue(stream, {"cudaStreamWaitEvent", nullptr, awaited->last, 0});
}

bool CudaStandIn::check_range(std::string const& what, Allocations const& allocations,
                              void const* memory, std::size_t bytes) {
  auto* const first = static_cast<std::byte*>(const_cast<void*>(memory));
  auto const after = allocations.upper_bound(first);
  if (after != allocations.begin()) {
    auto const& [begin, allocation] = *std::prev(after);
    if (bytes <= allocation.bytes &&
        static_cast<std::size_t>(first - begin) <= allocation.bytes - bytes) {
      if (&allocations == &device_ && allocation.device != selected_device) {
        violation(what + " of memory of a device that is not selected");
        return false;
      }
      return true;
    }
  }
  violation(what + " of " + size_text(bytes) + ": not all of it is live " +
            (&allocations == &device_ ? "device" : "pinned") + " memory");
  return false;
}

cudaError_t CudaStandIn::copy(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind,
                              cudaStream_t stream) {
  if (kind != cudaMemcpyHostToDevice && kind != cudaMemcpyDeviceToHost &&
      kind != cudaMemcpyDeviceToDevice) {
    return cudaErrorInvalidMemcpyDirection;
  }
  bool const to_device = kind != cudaMemcpyDeviceToHost;
  bool const from_device = kind != cudaMemcpyHostToDevice;
  std::string const name = to_device ? "a copy to the device" : "a copy to the host";
  auto const check = [=, this](char const* when) {
    return check_range(name + when, to_device ? device_ : pinned_, to, bytes) &&
           check_range(name + when, from_device ? device_ : pinned_, from, bytes);
  };
  if (!check("")) return cudaErrorInvalidValue;
  return enqueue(stream, {name,
                          [=] {
                            // Freed since then?
                            if (!check(" that runs now")) return cudaErrorIllegalAddress;
                            std::memcpy(to, from, bytes);
                            return cudaSuccess;
                          },
                          {},
                          kOperationNs + bytes / (to_device && from_device ? kDeviceBytesPerNs
                                                                           : kHostBytesPerNs)});
}

cudaError_t CudaStandIn::set(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  auto const check = [=, this](char const* name) {
    return check_range(name, device_, memory, bytes);
  };
  if (!check("cudaMemsetAsync")) return cudaErrorInvalidValue;
  return enqueue(stream, {"cudaMemsetAsync",
                          [=] {
                            if (!check("a cudaMemsetAsync that runs now")) {
                              return cudaErrorIllegalAddress;
                            }
                            std::memset(memory, value, bytes);
                            return cudaSuccess;
                          },
                          {}});
}

cudaError_t CudaStandIn::launch(std::string const& name, Grid const& grid, cudaStream_t stream,
                                std::function<void(uint64_t)> run) {
  std::string const what = "kernel " + name;
  if (sticky_ == cudaSuccess && last_error.status != cudaSuccess) {
    violation("the error of " + last_error.call + " was not taken before " + what);
  }
  if (grid.block_count == 0 || grid.thread_count == 0) {
    violation(what + ": an empty grid");
    return cudaErrorInvalidConfiguration;
  }
  if (grid.thread_count > kThreadsMax) {
    violation(what + ": " + std::to_string(grid.thread_count) + " threads in a block");
    return cudaErrorInvalidConfiguration;
  }
  if (grid.shared_bytes > kSharedBytesMax) {
    violation(what + ": " + size_text(grid.shared_bytes) +
              " of shared memory that it did not opt into");
    return cudaErrorInvalidValue;
  }
  ++launches_[name];
  uint64_t const seed = random_.next();
  return enqueue(stream, {what,
                          [run = std::move(run), seed] {
                            run(seed);
                            return cudaSuccess;
                          },
                          {}});
}

cudaError_t CudaStandIn::run_algorithm(std::string const& name, DeviceRange storage,
                                       std::size_t bytes_needed, cudaStream_t stream,
                                       std::function<void()> run) {
  if (!check_range("storage of algorithm " + name, device_, storage.begin, storage.bytes)) {
    return cudaErrorInvalidValue;
  }
  if (storage.bytes < bytes_needed) {
    violation("algorithm " + name + ": " + size_text(storage.bytes) + " of storage, it needs " +
              std::to_string(bytes_needed));
    return cudaErrorInvalidValue;
  }
  int const value = static_cast<int>(random_.below(256));
  return enqueue(stream, {"algorithm " + name,
                          [run = std::move(run), storage, bytes_needed, value] {
                            std::memset(storage.begin, value, bytes_needed);
                            run();
                            return cudaSuccess;
                          },
                          {}});
}

cudaError_t CudaStandIn::enqueue(cudaStream_t stream, Operation operation) {
  auto const found = find(stream, operation.name);
  if (found == nullptr) return cudaErrorInvalidResourceHandle;
  found->pending.push_back(std::move(operation));
  ++found->enqueued;
  run_early();
  return cudaSuccess;
}

bool CudaStandIn::can_run(Stream const& stream) {
  if (stream.pending.empty()) return false;
  Operation const& next = stream.pending.front();
  return next.run != nullptr || next.recording.stream->run >= next.recording.enqueued;
}

void CudaStandIn::run_next(Stream& stream) {
  Operation const operation = std::move(stream.pending.front());
  stream.pending.pop_front();
  // A lost context drops what is left.
  if (operation.run != nullptr && sticky_ == cudaSuccess) {
    ++operations_run_;
    if (operations_until_failure_ != 0 && --operations_until_failure_ == 0) {
      sticky_ = operation_failure_;
    } else {
      DeviceMemoryIsOpen const open(*this);
      cudaError_t const status = operation.run();
      if (status != cudaSuccess) sticky_ = status;
    }
  }
  if (operation.run != nullptr) clock_ns_ += operation.ns;
  ++stream.run;
  reach_recordings(stream);
}

void CudaStandIn::reach_recordings(Stream& stream) {
  while (!stream.recordings.empty() && stream.recordings.front().enqueued <= stream.run) {
    *stream.recordings.front().reached_ns = clock_ns_;
    stream.recordings.pop_front();
  }
}

void CudaStandIn::run_until(std::shared_ptr<Stream> const& stream, uint64_t count) {
  if (stream->run >= count) return;
  DeviceMemoryIsOpen const open(*this);
  while (stream->run < count) {
    if (can_run(*stream)) {
      run_next(*stream);
    } else {
      Recording const awaited = stream->pending.front().recording;
      run_until(awaited.stream, awaited.enqueued);
    }
    run_early();
  }
}

void CudaStandIn::run_early() {
  if (order_ == OperationOrder::kLate) return;
  std::optional<DeviceMemoryIsOpen> open;
  while (order_ == OperationOrder::kEager || random_.one_in(2)) {
    std::vector<std::shared_ptr<Stream>> ready;
    for (auto const& [handle, stream] : streams_) {
      if (can_run(*stream)) ready.push_back(stream);
    }
    for (auto const& stream : abandoned_) {
      if (can_run(*stream)) ready.push_back(stream);
    }
    if (ready.empty()) return;
    if (!open) open.emplace(*this);
    run_next(*ready[random_.below(ready.size())]);
  }
}

CudaStandIn::DeviceMemoryIsOpen::DeviceMemoryIsOpen(CudaStandIn& stand_in) : stand_in_(stand_in) {
  if (stand_in_.open_++ == 0) stand_in_.protect_device_memory(PROT_READ | PROT_WRITE);
}

CudaStandIn::DeviceMemoryIsOpen::~DeviceMemoryIsOpen() {
  if (--stand_in_.open_ == 0) stand_in_.protect_device_memory(PROT_NONE);
}

void CudaStandIn::protect_device_memory(int protection) {
  if (order_ == OperationOrder::kEager) return;
  for (auto const& [memory, allocation] : device_) {
    mprotect(allocation.pages, allocation.page_bytes, protection);
  }
}

}  // namespace levelscan::test
