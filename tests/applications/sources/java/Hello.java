public class Hello { public static void main(String[] a) { System.out.println("hello, " + Runtime.version().feature()); System.exit(7); } }
