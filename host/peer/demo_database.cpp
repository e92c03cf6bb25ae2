#include "peer/demo_database.hpp"

#include <cstring>
#include <string_view>

#include "peer/database_writer.hpp"

namespace levelscan {
namespace {

constexpr uint64_t kOldOrders = 2200000;
constexpr uint32_t kCreatedFirst = 1640995200;  // 2022-01-01
constexpr uint32_t kSecondsAnOrder = 40;

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  uint64_t below(uint64_t bound) { return next() % bound; }

 private:
  uint64_t state_;
};

// Half of the orders are those of one customer in eight.
uint32_t customer_of(uint64_t order) {
  Numbers numbers(order);
  uint64_t const range = numbers.below(2) == 0 ? kDemoCustomers / 8 : kDemoCustomers;
  return static_cast<uint32_t>(numbers.below(range));
}

std::string key_of(uint64_t order) {
  std::string key = demo_customer_prefix(customer_of(order));
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(order >> shift));
  return key;
}

template <class Number>
void append(std::string& bytes, Number number) {
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  bytes.append(raw, sizeof number);
}

// All but status and note stay the same when an order changes.
std::string value_of(uint64_t order, uint32_t change) {
  static constexpr std::string_view kRegions[] = {"EMEA", "APAC", "AMER", "LATM"};
  static constexpr std::string_view kNotes[] = {
      "", "leave at the door", "gift wrap, no invoice in the parcel",
      "customer asked for delivery after six in the evening",
      "second address: warehouse, gate three, ask for the shift lead"};
  Numbers numbers(~order);
  std::string value;
  append(value, static_cast<uint8_t>(change == 0 ? numbers.below(4) : 2 + change % 4));
  append(value, static_cast<uint8_t>(numbers.below(5)));
  append(value, static_cast<uint16_t>(1 + numbers.below(40)));
  append(value, static_cast<float>(numbers.below(31)) / 100.0F);
  // Most orders are small: the product of two uniform numbers, up to 10000.00.
  append(value, static_cast<int64_t>((1 + numbers.below(1000)) * (1 + numbers.below(1000))));
  append(value, uint64_t{kCreatedFirst} + order * kSecondsAnOrder + numbers.below(kSecondsAnOrder));
  value += kRegions[numbers.below(4)];
  value += kNotes[numbers.below(5)];
  if (change != 0) value += "; changed";
  return value;
}

class DemoWriter {
 public:
  explicit DemoWriter(std::string const& path) : writer_(path, WriterOptions{}) {}

  void add_orders(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      writer_.put(key_of(orders_), value_of(orders_, 0));
      ++orders_;
    }
  }
  void change_orders(uint64_t count) {
    ++change_;
    for (uint64_t i = 0; i < count; ++i) {
      uint64_t const order = numbers_.below(orders_);
      writer_.put(key_of(order), value_of(order, change_));
    }
  }
  void delete_orders(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) writer_.remove(key_of(numbers_.below(orders_)));
  }
  void finish_table() { writer_.flush(); }
  void finish_level(int level) {
    writer_.flush();
    writer_.compact_to(level);
  }
  void close() { writer_.close(); }

 private:
  DatabaseWriter writer_;
  Numbers numbers_{1};
  uint64_t orders_ = 0;
  uint32_t change_ = 0;
};

}  // namespace

void write_demo_database(std::string const& path) {
  DemoWriter writer(path);
  for (int i = 0; i < 4; ++i) {
    writer.add_orders(kOldOrders / 4);
    writer.finish_table();
  }
  writer.finish_level(6);
  writer.add_orders(60000);
  writer.change_orders(160000);
  writer.delete_orders(30000);
  writer.finish_level(5);
  writer.add_orders(20000);
  writer.change_orders(40000);
  writer.delete_orders(8000);
  writer.finish_level(4);
  for (int i = 0; i < 4; ++i) {
    writer.add_orders(4000);
    writer.change_orders(8000);
    writer.delete_orders(2000);
    writer.finish_table();
  }
  writer.close();
}

std::vector<std::string> demo_fields() {
  return {"customer:u32be@key+0", "order:u64be@key+4",    "status:u8@value+0",
          "priority:u8@value+1",  "quantity:u16@value+2", "discount:f32@value+4",
          "amount:i64@value+8",   "created:u64@value+16", "region:bytes[4]@value+24",
          "note:bytes@value+28"};
}

std::string demo_customer_prefix(uint32_t customer) {
  std::string prefix;
  for (int shift = 24; shift >= 0; shift -= 8)
    prefix.push_back(static_cast<char>(customer >> shift));
  return prefix;
}

}  // namespace levelscan
