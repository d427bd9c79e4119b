import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.Collectors;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.servlet.ServletContextHandler;
import org.eclipse.jetty.servlet.ServletHolder;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.event.ContextRefreshedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.context.support.PropertySourcesPlaceholderConfigurer;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Service;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.context.support.AnnotationConfigWebApplicationContext;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.mvc.method.annotation.ExceptionHandlerExceptionResolver;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/**
 * A Spring application that keeps notes, in a Jetty of its own: the port is its argument. (No @Configuration:
 * the code generator in Debian's Spring doesn't fit its reader of classes.)
 */
public class Notes {
	@Bean
	public static PropertySourcesPlaceholderConfigurer placeholders() {
		return new PropertySourcesPlaceholderConfigurer();
	}

	public static void main(String[] arguments) throws Exception {
		AnnotationConfigWebApplicationContext context = new AnnotationConfigWebApplicationContext();
		context.register(RequestMappingHandlerMapping.class, RequestMappingHandlerAdapter.class,
			ExceptionHandlerExceptionResolver.class, Notes.class, Keeper.class, Controller.class);
		ServletContextHandler handler = new ServletContextHandler();
		handler.addServlet(new ServletHolder(new DispatcherServlet(context)), "/");
		Server server = new Server(Integer.parseInt(arguments[0]));
		server.setHandler(handler);
		server.setStopAtShutdown(true);
		server.start();
		server.join();
	}
}

@Service
class Keeper {
	private final Map<Integer, String> notes = new ConcurrentSkipListMap<>();
	private final int longest;

	@Autowired
	Keeper(@Value("${notes.longest:#{10 * 10}}") int longest) {
		this.longest = longest;
	}

	@EventListener
	public void started(ContextRefreshedEvent event) {
		notes.put(0, "beans: " + (event.getApplicationContext().getBean(Keeper.class) == this));
	}

	String put(int number, String text) {
		if (text.length() > longest)
			throw new IllegalArgumentException("longer than " + longest);
		return notes.put(number, text) == null ? "new" : "changed";
	}

	String find(String word) {
		return notes.entrySet().stream().filter(note -> note.getValue().contains(word))
			.map(note -> note.getKey() + ": " + note.getValue() + "\n").collect(Collectors.joining());
	}
}

@RestController
@RequestMapping("/notes")
class Controller {
	@Autowired
	private Keeper keeper;

	@RequestMapping(path = "/{number}", method = RequestMethod.PUT)
	@ResponseStatus(HttpStatus.CREATED)
	public String put(@PathVariable("number") int number, @RequestBody String text) {
		return keeper.put(number, text) + "\n";
	}

	@RequestMapping(method = RequestMethod.GET)
	public String find(@RequestParam(name = "word", defaultValue = "") String word) {
		return keeper.find(word);
	}

	@ExceptionHandler(IllegalArgumentException.class)
	@ResponseStatus(HttpStatus.BAD_REQUEST)
	public String refused(IllegalArgumentException error) {
		return error.getMessage() + "\n";
	}
}
