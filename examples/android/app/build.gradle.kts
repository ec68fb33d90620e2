plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.livegate.example"
    compileSdk = 35
    defaultConfig {
        minSdk = 24
        targetSdk = 35
    }
    androidResources { noCompress += "tflite" } // the model is mapped into memory, not copied
}

kotlin { jvmToolchain(17) }

dependencies {
    implementation("androidx.activity:activity-ktx:1.9.3")
    implementation("androidx.core:core:1.13.1")
    implementation("androidx.camera:camera-camera2:1.4.1")
    implementation("androidx.camera:camera-lifecycle:1.4.1")
    implementation("androidx.camera:camera-view:1.4.1")
    implementation("com.google.ai.edge.litert:litert:1.4.2")
    implementation("org.opencv:opencv:4.12.0")
}
