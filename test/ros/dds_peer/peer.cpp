// One DDS participant with or without a key, on loopback: writes its number, or says whose it hears.
//
// peer DOMAIN ENCLAVE_FOLDER|- write|read TOPIC NUMBER
// Prints "up", then the number of each sender heard; ends when standard input does. Exit code 3:
// the participant was not let in; 4: the topic was denied to it; 5: built without security.

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <fastdds/dds/domain/DomainParticipantFactory.hpp>
#include <fastdds/dds/domain/DomainParticipant.hpp>
#include <fastdds/dds/publisher/DataWriter.hpp>
#include <fastdds/dds/publisher/Publisher.hpp>
#include <fastdds/dds/subscriber/DataReader.hpp>
#include <fastdds/dds/subscriber/DataReaderListener.hpp>
#include <fastdds/dds/subscriber/SampleInfo.hpp>
#include <fastdds/dds/subscriber/Subscriber.hpp>
#include <fastdds/dds/topic/Topic.hpp>
#include <fastdds/dds/topic/TopicDataType.hpp>
#include <fastdds/rtps/transport/UDPv4TransportDescriptor.h>
#include <fastrtps/config.h>
#include <fastrtps/utils/IPLocator.h>

using namespace eprosima::fastdds::dds;
namespace rtps = eprosima::fastrtps::rtps;

// A message of one number.
class Number : public TopicDataType
{
public:
  Number()
  {
    setName("Number");
    m_typeSize = 4 + sizeof(uint32_t);
  }

  bool serialize(void * data, rtps::SerializedPayload_t * payload) override
  {
    const unsigned char head[4] = {0, 1, 0, 0};  // plain CDR, little endian
    std::memcpy(payload->data, head, 4);
    std::memcpy(payload->data + 4, data, sizeof(uint32_t));
    payload->length = m_typeSize;
    return true;
  }

  bool deserialize(rtps::SerializedPayload_t * payload, void * data) override
  {
    if (payload->length < m_typeSize) {return false;}
    std::memcpy(data, payload->data + 4, sizeof(uint32_t));
    return true;
  }

  std::function<uint32_t()> getSerializedSizeProvider(void *) override
  {
    return [this] {return m_typeSize;};
  }
  void * createData() override {return new uint32_t(0);}
  void deleteData(void * data) override {delete static_cast<uint32_t *>(data);}
  bool getKey(void *, rtps::InstanceHandle_t *, bool) override {return false;}
};

class Ear : public DataReaderListener
{
  void on_data_available(DataReader * reader) override
  {
    uint32_t number = 0;
    SampleInfo info;
    while (reader->take_next_sample(&number, &info) == ReturnCode_t::RETCODE_OK) {
      if (info.valid_data) {std::cout << number << std::endl;}
    }
  }
};

DomainParticipantQos qos(const std::string & enclave)
{
  DomainParticipantQos qos = PARTICIPANT_QOS_DEFAULT;
  auto loopback = std::make_shared<eprosima::fastdds::rtps::UDPv4TransportDescriptor>();
  loopback->interfaceWhiteList.push_back("127.0.0.1");
  qos.transport().use_builtin_transports = false;
  qos.transport().user_transports.push_back(loopback);
  if (enclave == "-") {return qos;}
  auto & properties = qos.properties().properties();
  const std::string file = "file://" + enclave + "/";
  const auto set = [&](const std::string & name, const std::string & value) {
      properties.emplace_back(name, value);
    };
  // As rmw_fastrtps sets them.
  set("dds.sec.auth.plugin", "builtin.PKI-DH");
  set("dds.sec.auth.builtin.PKI-DH.identity_ca", file + "identity_ca.cert.pem");
  set("dds.sec.auth.builtin.PKI-DH.identity_certificate", file + "cert.pem");
  set("dds.sec.auth.builtin.PKI-DH.private_key", file + "key.pem");
  set("dds.sec.crypto.plugin", "builtin.AES-GCM-GMAC");
  set("dds.sec.access.plugin", "builtin.Access-Permissions");
  set("dds.sec.access.builtin.Access-Permissions.permissions_ca", file + "permissions_ca.cert.pem");
  set("dds.sec.access.builtin.Access-Permissions.governance", file + "governance.p7s");
  set("dds.sec.access.builtin.Access-Permissions.permissions", file + "permissions.p7s");
  return qos;
}

int main(int, char ** given)
{
#if !HAVE_SECURITY
  return 5;
#endif
  const std::string enclave = given[2], verb = given[3], name = given[4];
  uint32_t number = std::atoi(given[5]);
  auto * participant = DomainParticipantFactory::get_instance()->create_participant(
    std::atoi(given[1]), qos(enclave));
  if (participant == nullptr) {return 3;}
  TypeSupport type(new Number());
  type.register_type(participant);
  auto * topic = participant->create_topic(name, type.get_type_name(), TOPIC_QOS_DEFAULT);
  DataWriter * writer = nullptr;
  Ear ear;
  if (verb == "write") {
    writer = participant->create_publisher(PUBLISHER_QOS_DEFAULT)->create_datawriter(
      topic, DATAWRITER_QOS_DEFAULT);
    if (writer == nullptr) {return 4;}
  } else {
    DataReaderQos reliable = DATAREADER_QOS_DEFAULT;
    reliable.reliability().kind = RELIABLE_RELIABILITY_QOS;
    if (participant->create_subscriber(SUBSCRIBER_QOS_DEFAULT)->create_datareader(
        topic, reliable, &ear) == nullptr)
    {
      return 4;
    }
  }
  std::cout << "up" << std::endl;
  std::atomic<bool> over{false};
  std::thread wait([&over] {
      while (std::cin.get() != EOF) {}
      over = true;
    });
  while (!over) {
    if (writer != nullptr) {writer->write(&number);}
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  wait.join();
  std::_Exit(0);
}
