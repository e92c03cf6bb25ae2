// Streams and events, launches of nothing, and several threads at one device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

#include "device/memory.hpp"
#include "support/counting_device.hpp"
#include "support/device_array.hpp"
#include "support/device_suite.hpp"

namespace levelscan::test {
namespace {

class DeviceStreams : public DeviceSuite {};
LEVELSCAN_ON_ALL_DEVICES(DeviceStreams);

TEST_P(DeviceStreams, AnEventOrdersTheWorkOfTwoStreams) {
  std::size_t const bytes = 1 << 20;
  StreamView const other = device().create_stream();
  EventView const copied = device().create_event();
  MirroredBytes const mirrored(device(), bytes);
  PinnedBytes const result(device(), bytes);
  for (int value = 1; value <= 8; ++value) {
    std::memset(mirrored.host(), value, bytes);
    device().copy_to_device_async(mirrored.device(), mirrored.host(), bytes, stream());
    device().record(copied, stream());
    device().wait_async(other, copied);
    device().copy_to_host_async(result.data(), mirrored.device(), bytes, other);
    device().synchronize(other);
    ASSERT_EQ(result.data()[0], value);
    ASSERT_EQ(result.data()[bytes - 1], value);
  }
  device().destroy_event(copied);
  device().destroy_stream(other);
}

TEST_P(DeviceStreams, AnEventThatWasNeverRecordedHoldsNothingUp) {
  EventView const event = device().create_event();
  device().wait_async(stream(), event);
  device().synchronize(stream());
  device().destroy_event(event);
}

TEST_P(DeviceStreams, EveryStreamAndEventHasAHandleOfItsOwn) {
  CountingDevice counting(device());  // aborts on a handle that is destroyed twice
  std::vector<StreamView> streams;
  std::vector<EventView> events;
  for (int i = 0; i < 8; ++i) {
    streams.push_back(counting.create_stream());
    events.push_back(counting.create_event());
  }
  EXPECT_EQ(counting.streams_live(), 8u);
  EXPECT_EQ(counting.events_live(), 8u);
  for (StreamView const each : streams) counting.destroy_stream(each);
  for (EventView const each : events) counting.destroy_event(each);
  EXPECT_TRUE(counting.nothing_live());
}

TEST_P(DeviceStreams, LaunchesOfNothingDoNothing) {
  device().filter_async(FilterArgs{}, 0, stream());
  device().gather_async(Gather::Args{}, 0, stream());
  device().resolve_probe_async(ResolveProbe::Args{}, stream());
  device().measure_rows_async(MeasureRows::Args{}, stream());
  device().emit_rows_async(EmitRows::Args{}, stream());
  device().search_index_async(IndexSearch::Args{}, stream());
  device().narrow_async(Narrow::Args{}, stream());
  device().synchronize(stream());
}

TEST_P(DeviceStreams, ThreadsWithStreamsOfTheirOwnShareADevice) {
  std::vector<std::thread> threads;
  std::vector<std::vector<uint64_t>> sums(4);
  for (std::size_t t = 0; t < sums.size(); ++t) {
    threads.emplace_back([this, t, &sums] {
      StreamView const own = device().create_stream();
      {
        uint32_t const count = 1000 + 100 * static_cast<uint32_t>(t);
        DeviceArray<uint64_t> row_bytes(device(), own, std::vector<uint64_t>(count, t + 1));
        DeviceArray<uint8_t> scratch(device(), own, device().scratch_bytes({count, count}));
        device().scan_row_bytes_async(row_bytes.device(), count,
                                      Scratch{scratch.device(), scratch.size()}, own);
        sums[t] = row_bytes.read();
      }
      device().destroy_stream(own);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < sums.size(); ++t) {
    ASSERT_EQ(sums[t].size(), 1000 + 100 * t);
    for (std::size_t i = 0; i < sums[t].size(); ++i) ASSERT_EQ(sums[t][i], (i + 1) * (t + 1));
  }
}

}  // namespace
}  // namespace levelscan::test
