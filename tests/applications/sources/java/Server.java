import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/** An HTTP server with a pool of 32 threads: the port is its argument. */
public class Server {
	private static final AtomicLong answered = new AtomicLong();
	private static final Set<String> threads = ConcurrentHashMap.newKeySet();

	private static void answer(HttpExchange exchange, byte[] body) throws IOException {
		answered.incrementAndGet();
		threads.add(Thread.currentThread().getName());
		exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
		exchange.getResponseBody().write(body);
		exchange.close();
	}

	private static void answer(HttpExchange exchange, String text) throws IOException {
		answer(exchange, text.getBytes(StandardCharsets.UTF_8));
	}

	/** Reads what was sent and answers with its digest, made from a copy so that there is garbage. */
	private static void digest(HttpExchange exchange) throws IOException {
		byte[] body = exchange.getRequestBody().readAllBytes();
		try {
			StringBuilder text = new StringBuilder();
			for (byte b : MessageDigest.getInstance("SHA-256").digest(body.clone()))
				text.append(String.format("%02x", b));
			answer(exchange, text + "\n");
		} catch (NoSuchAlgorithmException error) {
			throw new IOException(error);
		}
	}

	private static void slow(HttpExchange exchange) throws IOException {
		try {
			Thread.sleep(20);
		} catch (InterruptedException error) {
			throw new IOException(error);
		}
		answer(exchange, "slow\n");
	}

	public static void main(String[] arguments) throws IOException {
		HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(arguments[0])), 200);
		byte[] large = new byte[3000000];
		server.setExecutor(Executors.newFixedThreadPool(32));
		server.createContext("/", exchange -> answer(exchange, "hello\n"));
		server.createContext("/digest", Server::digest);
		server.createContext("/slow", Server::slow);
		server.createContext("/large", exchange -> answer(exchange, large));
		server.createContext("/fault", exchange -> { throw new IllegalStateException("on purpose"); });
		server.createContext("/count", exchange -> answer(exchange, answered.get() + " by " + threads.size() + "\n"));
		Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("stopped")));
		server.start();
	}
}
