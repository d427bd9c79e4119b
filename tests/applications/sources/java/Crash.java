import java.lang.reflect.Field;
import sun.misc.Unsafe;

public class Crash {
	static void crashes(Unsafe u) { u.putAddress(64, 1); }
	public static void main(String[] a) throws Exception {
		Field f = Unsafe.class.getDeclaredField("theUnsafe");
		f.setAccessible(true);
		crashes((Unsafe) f.get(null));
	}
}
