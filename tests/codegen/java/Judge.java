import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Java Avro's word on pairs of schemas: writes random values with the writer's schema, reads them as the reader's, and
 * writes what it has read with that.
 *
 * <p>In, one line a pair: {"writer": SCHEMA, "reader": SCHEMA, "seed": NUMBER, "count": NUMBER}. Out, one line a pair:
 * {"values": [{"bytes": HEX, "read": HEX}, {"bytes": HEX, "error": TEXT}, ...]}, or {"refused": TEXT} where one of the
 * schemas cannot be used at all.
 */
final class Judge {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Below this depth a value takes the shortest way to its end. */
    private static final int MAX_DEPTH = 4;

    private final Random random;

    private Judge(long seed) {
        this.random = new Random(seed);
    }

    public static void main(String[] arguments) throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        StringBuilder answers = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.append(JSON.writeValueAsString(judge(JSON.readTree(line)))).append('\n');
        }
        System.out.write(answers.toString().getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    private static JsonNode judge(JsonNode pair) {
        ObjectNode answer = JSON.createObjectNode();
        Schema writer;
        Schema reader;
        try {
            writer = new Schema.Parser().parse(pair.get("writer").toString());
            reader = new Schema.Parser().parse(pair.get("reader").toString());
        } catch (RuntimeException error) {
            return answer.put("refused", error.toString());
        }
        Judge judge = new Judge(pair.get("seed").asLong());
        ArrayNode values = answer.putArray("values");
        for (int index = 0; index < pair.get("count").asInt(); index++) {
            ObjectNode value = values.addObject();
            byte[] bytes;
            try {
                bytes = encode(writer, judge.value(writer, 0));
            } catch (IOException | RuntimeException error) {
                return JSON.createObjectNode().put("refused", "no value: " + error);
            }
            value.put("bytes", HexFormat.of().formatHex(bytes));
            try {
                Object read = new GenericDatumReader<>(writer, reader)
                        .read(null, DecoderFactory.get().binaryDecoder(bytes, null));
                value.put("read", HexFormat.of().formatHex(encode(reader, sorted(read))));
            } catch (IOException | RuntimeException error) {
                value.put("error", error.toString());
            }
        }
        return answer;
    }

    private static byte[] encode(Schema schema, Object value) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        new GenericDatumWriter<>(schema).write(value, encoder);
        encoder.flush();
        return bytes.toByteArray();
    }

    /** Returns the value with its maps in the order of their keys, so that its bytes are known. */
    private static Object sorted(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> result = new TreeMap<>();
            map.forEach((key, entry) -> result.put(key.toString(), sorted(entry)));
            return result;
        }
        if (value instanceof List<?> list) {
            List<Object> result = new ArrayList<>();
            list.forEach(item -> result.add(sorted(item)));
            return result;
        }
        if (value instanceof IndexedRecord record) {
            record.getSchema().getFields().forEach(field -> record.put(field.pos(), sorted(record.get(field.pos()))));
        }
        return value;
    }

    private Object value(Schema schema, int depth) {
        return switch (schema.getType()) {
            case NULL -> null;
            case BOOLEAN -> random.nextBoolean();
            case INT -> (int) whole(schema, Integer.MIN_VALUE, Integer.MAX_VALUE);
            case LONG -> whole(schema, Long.MIN_VALUE, Long.MAX_VALUE);
            case FLOAT -> random.nextInt(4) == 0 ? random.nextInt(100) - 50f : (float) random.nextGaussian();
            case DOUBLE -> random.nextInt(4) == 0 ? random.nextInt(100) - 50d : random.nextGaussian() * 1e9;
            case STRING -> isLogical(schema, "uuid") ? new UUID(random.nextLong(), random.nextLong()).toString() : text();
            case BYTES -> ByteBuffer.wrap(
                    decimal(schema) == null ? text().getBytes(StandardCharsets.UTF_8) : unscaled(schema).toByteArray());
            case FIXED -> new GenericData.Fixed(schema, fixed(schema));
            case ENUM -> new GenericData.EnumSymbol(
                    schema, schema.getEnumSymbols().get(random.nextInt(schema.getEnumSymbols().size())));
            case ARRAY -> {
                List<Object> items = new ArrayList<>();
                for (int count = size(depth); count > 0; count--) {
                    items.add(value(schema.getElementType(), depth + 1));
                }
                yield items;
            }
            case MAP -> {
                Map<String, Object> entries = new TreeMap<>();
                for (int count = size(depth); count > 0; count--) {
                    entries.put("k" + random.nextInt(20), value(schema.getValueType(), depth + 1));
                }
                yield entries;
            }
            case UNION -> value(branch(schema, depth), depth + 1);
            case RECORD -> {
                GenericData.Record record = new GenericData.Record(schema);
                schema.getFields().forEach(field -> record.put(field.pos(), value(field.schema(), depth + 1)));
                yield record;
            }
        };
    }

    private Schema branch(Schema union, int depth) {
        List<Schema> branches = union.getTypes();
        List<Schema> flat = branches.stream().filter(one -> one.getType() != Schema.Type.RECORD).toList();
        List<Schema> choice = depth > MAX_DEPTH && !flat.isEmpty() ? flat : branches;
        return choice.get(random.nextInt(choice.size()));
    }

    private int size(int depth) {
        return depth > MAX_DEPTH ? 0 : random.nextInt(4);
    }

    private long whole(Schema schema, long least, long most) {
        String logical = schema.getLogicalType() == null ? "" : schema.getLogicalType().getName();
        return switch (logical) {
            case "date" -> random.nextInt(40_000) - 10_000;
            case "time-millis" -> random.nextInt(86_400_000);
            case "time-micros" -> random.nextInt(86_400_000) * 1_000L + random.nextInt(1_000);
            case "timestamp-millis", "local-timestamp-millis" -> (random.nextInt(4_000_000) - 1_000_000) * 1_000_003L;
            case "timestamp-micros", "local-timestamp-micros" -> (random.nextInt(4_000_000) - 1_000_000) * 1_000_000_007L;
            case "timestamp-nanos", "local-timestamp-nanos" -> (random.nextInt(4_000_000) - 1_000_000) * 1_000_000_000_039L;
            default -> switch (random.nextInt(4)) {
                case 0 -> least;
                case 1 -> most;
                case 2 -> random.nextInt(200) - 100;
                default -> least == Integer.MIN_VALUE ? random.nextInt() : random.nextLong();
            };
        };
    }

    private String text() {
        String[] parts = {"", "a", "plain text", "é", "日本", "\uD834\uDD1E", "\u0000", "0123456789012345678901234567890123"};
        return parts[random.nextInt(parts.length)] + parts[random.nextInt(parts.length)];
    }

    private byte[] fixed(Schema schema) {
        byte[] bytes = new byte[schema.getFixedSize()];
        random.nextBytes(bytes);
        if (decimal(schema) != null) {
            byte[] digits = unscaled(schema).toByteArray();
            java.util.Arrays.fill(bytes, (byte) (digits[0] < 0 ? -1 : 0));
            System.arraycopy(digits, 0, bytes, bytes.length - digits.length, digits.length);
        }
        return bytes;
    }

    private BigInteger unscaled(Schema schema) {
        BigInteger bound = BigInteger.TEN.pow(decimal(schema).getPrecision());
        BigInteger digits = new BigInteger(bound.bitLength(), random).mod(bound);
        return random.nextBoolean() ? digits : digits.negate();
    }

    private static LogicalTypes.Decimal decimal(Schema schema) {
        return schema.getLogicalType() instanceof LogicalTypes.Decimal decimal ? decimal : null;
    }

    private static boolean isLogical(Schema schema, String name) {
        return schema.getLogicalType() != null && schema.getLogicalType().getName().equals(name);
    }
}
