// A stand-in for the CUDA runtime and for levelscan's launches, which runs on the host and believes
// nobody: device/cuda/'s host code is linked against it in place of libcudart, so that what it asks
// of CUDA can be seen without a GPU.
//
//   - Device memory is apart: unless operations run as soon as they can, it can be touched only
//   while
//     one runs. Every allocation ends at a page that is never mapped; no address is used twice.
//   - An operation runs when something waits for it, as late as waits and events allow, and among
//     streams in a seeded order; in other orders some or all operations run as soon as they can.
//   - An error of an operation is reported by the call that waits for it, and from then on by every
//     call, as for a context that is lost.
//   - Waiting for an event that was never recorded does nothing, as in CUDA.
//   - Time goes on while operations run, by fixed amounts: see kOperationNs.
//   - What CUDA would reject or would let pass to the program's harm is a violation, kept as a line
//     of text: asynchronous copies from or to memory that is not pinned, not allocated or freed by
//     then; empty grids, blocks of over 1,024 threads, shared memory that was not opted into; the
//     default stream; algorithms with less storage than they need; streams, events and memory of a
//     device that the calling thread has not selected; allocations where a test forbids them;
//     handles that are destroyed already; errors that nobody took from the runtime's record before
//     the next launch; times between events that don't tell any, were not recorded or not reached
//     yet.
//
// Kernels run on ShuffledBlock, algorithms in Thrust's sequential backend. So it says nothing of
// CudaBlock, of CUB, of what the compiler makes of a kernel, or of real time.
//
// Thread-safe. Operations run one at a time, in the thread that waits.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/random.hpp"

namespace levelscan::test {

// When operations run that nothing waits for yet.
enum class OperationOrder { kLate, kMixed, kEager };

class CudaStandIn {
 public:
  // How long an operation takes, and what a copy takes besides: between host and device, within
  // the device.
  static constexpr uint64_t kOperationNs = 1000;
  static constexpr uint64_t kHostBytesPerNs = 16;
  static constexpr uint64_t kDeviceBytesPerNs = 64;

  static constexpr int kDeviceCount = 2;  // which share their memory's limits

  static CudaStandIn& instance();

  // Forgets everything, what is live included; the order is drawn from the seed.
  void reset(uint64_t seed);
  void set_order(OperationOrder order);
  // Of the device, and of pinned host memory.
  void limit_memory(std::size_t device_bytes, std::size_t pinned_bytes);
  // While forbidden, an allocation of memory, a stream or an event is a violation.
  void forbid_allocations(bool forbid);

  // The n-th call from now on (1: the next one) does nothing and returns `status`.
  void fail_call(uint64_t n, cudaError_t status);
  // From now on every call does so.
  void fail_all_calls(cudaError_t status);
  // The n-th operation to run from now on fails; whoever waits for it learns of it.
  void fail_operation(uint64_t n, cudaError_t status);

  // Since reset().
  [[nodiscard]] uint64_t calls() const;
  [[nodiscard]] uint64_t operations_run() const;
  [[nodiscard]] uint64_t operations_pending() const;
  [[nodiscard]] uint64_t event_waits() const;  // for events that had been recorded
  [[nodiscard]] uint64_t host_waits() const;   // of the host's for a stream
  [[nodiscard]] uint64_t launches(std::string const& kernel) const;
  [[nodiscard]] uint64_t clock_ns() const;
  // A line for each; they are forgotten with this call.
  [[nodiscard]] std::vector<std::string> take_violations();
  // A line for each allocation, stream and event that was not given back.
  [[nodiscard]] std::vector<std::string> live() const;

  // What follows is for the runtime's functions.

  // Runs call() unless this call has to fail, and keeps its status for cudaGetLastError.
  cudaError_t call(std::string const& name, std::function<cudaError_t()> const& call);
  // The same for a call that destroys: what it was given doesn't count as live, even if it fails.
  cudaError_t destroy(std::string const& name, std::function<cudaError_t()> const& call);
  cudaError_t take_last_error();
  // Whether the host touched device memory while no operation ran.
  [[nodiscard]] static bool is_device_address(void const* address) noexcept;

  // For the calling thread; 0 unless told.
  cudaError_t select_device(int ordinal);
  cudaError_t allocate_device(void** memory, std::size_t bytes);
  cudaError_t free_device(void* memory);
  cudaError_t allocate_pinned(void** memory, std::size_t bytes);
  cudaError_t free_pinned(void* memory);
  [[nodiscard]] std::size_t device_bytes_free() const;
  [[nodiscard]] std::size_t device_bytes_all() const;

  cudaError_t create_stream(cudaStream_t* stream, unsigned flags);
  cudaError_t destroy_stream(cudaStream_t stream);
  cudaError_t synchronize(cudaStream_t stream);
  cudaError_t create_event(cudaEvent_t* event, unsigned flags);
  cudaError_t destroy_event(cudaEvent_t event);
  cudaError_t record(cudaEvent_t event, cudaStream_t stream);
  cudaError_t wait(cudaStream_t stream, cudaEvent_t event);
  cudaError_t elapsed(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);

  cudaError_t copy(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind,
                   cudaStream_t stream);
  cudaError_t set(void* memory, int value, std::size_t bytes, cudaStream_t stream);

  struct Grid {
    uint32_t block_count;
    uint32_t thread_count;
    std::size_t shared_bytes;
  };
  // run(seed) runs the kernel.
  cudaError_t launch(std::string const& name, Grid const& grid, cudaStream_t stream,
                     std::function<void(uint64_t)> run);
  struct DeviceRange {
    void* begin;
    std::size_t bytes;
  };
  // Of a device-wide algorithm, which overwrites the storage that it needs.
  cudaError_t run_algorithm(std::string const& name, DeviceRange storage, std::size_t bytes_needed,
                            cudaStream_t stream, std::function<void()> run);

 private:
  CudaStandIn() { reset(0); }

  struct Allocation {
    std::size_t bytes;
    std::byte* pages;  // where its pages begin; of pinned memory, the memory
    std::size_t page_bytes;
    int device;  // of pinned memory: any
  };
  using Allocations = std::map<std::byte*, Allocation>;

  struct Stream;
  // A place in a stream.
  struct Recording {
    std::shared_ptr<Stream> stream;
    uint64_t enqueued;
    std::shared_ptr<std::optional<uint64_t>> reached_ns;  // none: not yet
  };
  struct Event {
    Recording last;  // of no stream: never recorded
    bool tells_time;
    int device;
  };
  struct Operation {
    std::string name;
    std::function<cudaError_t()> run;  // empty: waits for `recording`
    Recording recording;
    uint64_t ns = kOperationNs;
  };
  struct Stream {
    std::deque<Operation> pending;
    std::deque<Recording> recordings;  // not yet reached; of no stream
    uint64_t enqueued = 0;             // ever
    uint64_t run = 0;                  // ever
    int device = 0;
  };

  void violation(std::string text);
  [[nodiscard]] cudaError_t failure_of_this_call();
  void keep_error(std::string const& name, cudaError_t status);
  void before_allocation(std::string const& what);
  void before_anything_is_live();
  [[nodiscard]] bool check_range(std::string const& what, Allocations const& allocations,
                                 void const* memory, std::size_t bytes);
  [[nodiscard]] std::shared_ptr<Stream> find(cudaStream_t stream, std::string const& call);
  [[nodiscard]] std::shared_ptr<Event> find(cudaEvent_t event, std::string const& call);
  cudaError_t enqueue(cudaStream_t stream, Operation operation);
  [[nodiscard]] static bool can_run(Stream const& stream);
  void run_next(Stream& stream);
  void reach_recordings(Stream& stream);
  // Until `stream` has run `count` operations.
  void run_until(std::shared_ptr<Stream> const& stream, uint64_t count);
  // What the order lets run before it must.
  void run_early();
  // Device memory can be touched while one of these lives.
  class DeviceMemoryIsOpen {
   public:
    explicit DeviceMemoryIsOpen(CudaStandIn& stand_in);
    DeviceMemoryIsOpen(DeviceMemoryIsOpen const&) = delete;
    DeviceMemoryIsOpen& operator=(DeviceMemoryIsOpen const&) = delete;
    ~DeviceMemoryIsOpen();

   private:
    CudaStandIn& stand_in_;
  };
  void protect_device_memory(int protection);

  mutable std::recursive_mutex mutex_;
  Random random_{0};
  OperationOrder order_ = OperationOrder::kLate;
  bool draws_order_ = true;
  Allocations device_;
  Allocations pinned_;
  std::size_t device_bytes_ = 0;
  std::size_t pinned_bytes_ = 0;
  std::size_t device_bytes_max_ = 0;
  std::size_t pinned_bytes_max_ = 0;
  std::map<cudaStream_t, std::shared_ptr<Stream>> streams_;
  std::map<cudaEvent_t, std::shared_ptr<Event>> events_;
  std::vector<std::shared_ptr<Stream>> abandoned_;  // destroyed with work left
  uint64_t next_handle_ = 1;
  bool allocations_forbidden_ = false;
  uint32_t open_ = 0;  // how many have opened device memory, one in another
  uint64_t calls_ = 0;
  uint64_t operations_run_ = 0;
  uint64_t clock_ns_ = 0;
  uint64_t event_waits_ = 0;
  uint64_t host_waits_ = 0;
  std::map<std::string, uint64_t> launches_;
  uint64_t calls_until_failure_ = 0;
  cudaError_t call_failure_ = cudaSuccess;
  cudaError_t all_calls_failure_ = cudaSuccess;
  uint64_t operations_until_failure_ = 0;
  cudaError_t operation_failure_ = cudaSuccess;
  cudaError_t sticky_ = cudaSuccess;  // the context is lost
  std::vector<std::string> violations_;
};

}  // namespace levelscan::test
