#include "table/compression_property.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.hpp"

namespace levelscan {
namespace {

using Features = std::vector<std::string>;

constexpr BlockPlace kPlace{"000007.sst", 4711};

TEST(CompressionProperty, NamesOfCodecsAreKnown) {
  for (char const* const name :
       {"", "NoCompression", "Snappy", "Zlib", "BZip2", "LZ4", "LZ4HC", "ZSTD", "ZSTDNotFinal"}) {
    EXPECT_EQ(refused_compressions(name, 5, kPlace), Features{}) << name;
    EXPECT_EQ(refused_compressions(name, 6, kPlace), Features{}) << name;
  }
  EXPECT_EQ(refused_compressions("Xpress", 5, kPlace), Features{"Xpress compression"});
  EXPECT_EQ(refused_compressions("BuiltinV2;07;", 6, kPlace),
            Features{"BuiltinV2;07; compression"});
}

TEST(CompressionProperty, FromVersion7OnTheManagerAndItsCodecsCount) {
  for (char const* const property :
       {"", ";;", "nullptr;;", "BuiltinV2;;", "BuiltinV2;07;", "BuiltinV2;01020304050740;",
        "BuiltinV2;07;something later;"}) {
    EXPECT_EQ(refused_compressions(property, 7, kPlace), Features{}) << property;
  }
  EXPECT_EQ(refused_compressions("MyManager;07;", 7, kPlace),
            Features{"compression manager 'MyManager'"});
  EXPECT_EQ(refused_compressions("BuiltinV2;0681fE;", 7, kPlace),
            (Features{"xpress compression", "codec 0x81 compression", "codec 0xfe compression"}));
}

TEST(CompressionProperty, OtherFormsAreCorruption) {
  for (char const* const property :
       {"ZSTD", "BuiltinV2", "BuiltinV2;", "BuiltinV2;07", "BuiltinV2;7;", "BuiltinV2;0g;",
        "BuiltinV2;-7;", "BuiltinV2; 7;"}) {
    testing::expect_error(ErrorCode::kCorruption, "000007.sst at offset 4711",
                          [&] { static_cast<void>(refused_compressions(property, 7, kPlace)); });
  }
}

}  // namespace
}  // namespace levelscan
